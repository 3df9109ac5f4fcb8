/**
 * The metrics for Prometheus. No label has a value that a client can choose: a route is a path of the route table.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Hub } from '../hub/hub.ts'
import { nodeVersion, packageVersion } from '../version.ts'
import { createHistogram, type Series } from './histogram.ts'
import { createHubMetrics, type HubName } from './hub-metrics.ts'
import { type StreamRefusal, streamRefusals } from './problem.ts'

export interface Metrics {
  /** Shows a hub's counters, with the name of its logs as the label `log`. */
  watch(log: HubName, hub: Hub): void
  /** Shows how many runs of the relay this instance has, by state. */
  watchRuns(read: () => Record<string, number>): void
  /** Counts an answered request. `route` is a path of the route table, or `unmatchedRoute`. */
  onRequest(route: string, status: number, durationMs: number): void
  /** Counts a problem response. */
  onProblem(status: number): void
  /** Counts a stream that was told to reconnect later. */
  onStreamRefused(refusal: StreamRefusal): void
  /** Records how long Redis took to answer a script. */
  onRoundTrip(script: string, ms: number): void
  /** Counts an error of Redis by its first word; `timeout` or `closed` if there was no answer. */
  onStoreError(code: string): void
  text(): Promise<{ contentType: string; text: string }>
}

/** The values of one process, as they are before they become text. */
export type MetricValues = Awaited<ReturnType<Registry['getMetricsAsJSON']>>
/**
 * Takes a function that reads the metrics of this process. Returns a function that reads, as text, the metrics of all
 * processes that share the address.
 */
export type ShareMetrics = (own: () => Promise<MetricValues>) => () => Promise<string>

export interface MetricsOptions {
  /** Whether Node's own metrics, which a host application may already collect, are included. */
  hasProcessMetrics: boolean
  /** Undefined: this process is the only one of its address. */
  share?: ShareMetrics | undefined
  /** Whether `/readyz` answers 200. */
  isReady(): boolean
  /** Whether the store can serve. */
  isStoreUp(): boolean
}

/** The label `route` of every request whose path is not in the route table. */
export const unmatchedRoute = 'unmatched'

/** Errors of Redis that are counted from zero. */
const commonStoreErrors = [
  'timeout',
  'closed',
  'BUSY',
  'CLUSTERDOWN',
  'LOADING',
  'MASTERDOWN',
  'MISCONF',
  'NOPERM',
  'NOREPLICAS',
  'OOM',
  'READONLY',
]
/** Statuses that are counted from zero, so that the first problem is an increase. */
const commonProblems = [400, 401, 403, 404, 405, 408, 413, 415, 422, 429, 431, 500, 502, 503]
const secondsBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]

/** The requests of one route, in plain numbers: prom-client looks up the labels at each increase. */
interface RouteCounters {
  seconds: Series
  byStatus: Map<number, number>
}

export function createMetrics({ hasProcessMetrics, share, isReady, isStoreUp }: MetricsOptions): Metrics {
  const registry = new Registry()
  const registers = [registry]
  // One of them samples the event loop's lag. At the default of 10 ms that costs an idle process more than 1 % of a core.
  if (hasProcessMetrics) collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 })

  // The minimum over all workers: the address is ready only if every worker is.
  const flag = (name: string, help: string, read: () => boolean) =>
    new Gauge({
      name,
      help,
      registers,
      aggregator: 'min',
      collect() {
        this.set(read() ? 1 : 0)
      },
    })
  new Gauge({
    name: 'colocate_build_info',
    help: 'Always 1, with the versions of Colocate and of Node as labels',
    registers,
    labelNames: ['version', 'node'],
    aggregator: 'first',
  }).set({ version: packageVersion, node: nodeVersion }, 1)
  flag('colocate_ready', 'Whether /readyz answers 200: 1 or 0', isReady)
  flag('colocate_store_up', 'Whether the store can serve: 1 or 0', isStoreUp)
  const watch = createHubMetrics(registry)

  const roundTrips = createHistogram(registry, {
    name: 'colocate_store_seconds',
    help: 'Time until Redis answered, by script',
    label: 'script',
    buckets: [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2],
  })
  const routes = new Map<string, RouteCounters>()
  new Counter({
    name: 'colocate_requests_total',
    help: 'Answered requests, by route and status',
    registers,
    labelNames: ['route', 'status'],
    collect() {
      this.reset()
      for (const [route, { byStatus }] of routes)
        for (const [status, count] of byStatus) this.inc({ route, status }, count)
    },
  })
  const durations = createHistogram(registry, {
    name: 'colocate_request_seconds',
    help: 'Time until a request was answered, by route; until the head for a stream',
    label: 'route',
    buckets: secondsBuckets,
  })
  const problems = new Counter({
    name: 'colocate_refused_total',
    help: 'Problem responses, by status',
    registers,
    labelNames: ['status'],
  })
  const refusals = new Counter({
    name: 'colocate_streams_refused_total',
    help: 'Streams that were told to reconnect later, by reason',
    registers,
    labelNames: ['reason'],
  })
  const storeErrors = new Counter({
    name: 'colocate_store_errors_total',
    help: "Failed store operations, by the first word of Redis's error; timeout or closed if Redis did not answer",
    registers,
    labelNames: ['code'],
  })
  for (const status of commonProblems) problems.inc({ status }, 0)
  for (const code of commonStoreErrors) storeErrors.inc({ code }, 0)
  for (const reason of streamRefusals) refusals.inc({ reason }, 0)

  const readAll = share ? share(() => registry.getMetricsAsJSON()) : () => registry.metrics()
  const countersOf = (route: string) => {
    const known = routes.get(route)
    if (known) return known
    const counters = { seconds: durations(route), byStatus: new Map<number, number>() }
    routes.set(route, counters)
    return counters
  }

  return {
    watch,
    watchRuns(read) {
      new Gauge({
        name: 'colocate_relay_runs',
        help: 'Runs of the relay on this instance, by state',
        registers,
        labelNames: ['state'],
        collect() {
          for (const [state, count] of Object.entries(read())) this.set({ state }, count)
        },
      })
    },
    onRequest(route, status, durationMs) {
      const { seconds, byStatus } = countersOf(route)
      byStatus.set(status, (byStatus.get(status) ?? 0) + 1)
      seconds.observe(durationMs / 1_000)
    },
    onProblem: status => problems.inc({ status }),
    onStreamRefused: reason => refusals.inc({ reason }),
    onRoundTrip: (script, ms) => roundTrips(script).observe(ms / 1_000),
    onStoreError: code => storeErrors.inc({ code }),
    text: async () => ({ contentType: registry.contentType, text: await readAll() }),
  }
}
