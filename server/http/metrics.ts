/**
 * The metrics for Prometheus. Most are counted where they happen, and only read here when Prometheus asks.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Hub } from '../hub/hub.ts'
import type { StreamRefusal } from './problem.ts'

export interface Metrics {
  /** Shows a hub's counters, with the name of its logs as the label `log`. */
  watch(log: string, hub: Hub): void
  /** Counts an answered request. `route` is a path of the route table. */
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

/** `ofProcess`: whether Node's own metrics, which a host application may already collect, are included. */
export function createMetrics(ofProcess: boolean): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const hubs = new Map<string, Hub>()
  // One of them samples the event loop's lag. At the default of 10 ms that costs an idle process more than 1 % of a core.
  if (ofProcess) collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 })

  const gauge = (name: string, help: string, read: (hub: Hub) => number) =>
    new Gauge({
      name,
      help,
      registers,
      labelNames: ['log'],
      collect() {
        for (const [log, hub] of hubs) this.set({ log }, read(hub))
      },
    })
  const counter = (name: string, help: string, read: (hub: Hub) => number) =>
    new Counter({
      name,
      help,
      registers,
      labelNames: ['log'],
      collect() {
        this.reset()
        for (const [log, hub] of hubs) this.inc({ log }, read(hub))
      },
    })
  const counters = (name: string, help: string, label: string, read: (hub: Hub) => Record<string, number>) =>
    new Counter({
      name,
      help,
      registers,
      labelNames: ['log', label],
      collect() {
        this.reset()
        for (const [log, hub] of hubs)
          for (const [value, count] of Object.entries(read(hub))) this.inc({ log, [label]: value }, count)
      },
    })

  gauge('colocate_streams', 'Open streams', hub => hub.streams)
  gauge('colocate_streams_behind', 'Open streams whose socket is full', hub => hub.behind)
  counters('colocate_joins_total', 'Streams started, by what they started with', 'outcome', ({ stats }) => stats.joins)
  counters('colocate_catch_ups_total', 'Readings of the history, by cause', 'cause', ({ stats }) => stats.catchUps)
  counter('colocate_events_total', 'Events received from the log', ({ stats }) => stats.eventsIn)
  counter(
    'colocate_deliveries_total',
    'Events written to streams: one for each event and reader',
    ({ stats }) => stats.deliveries,
  )
  counter('colocate_sent_bytes_total', 'Bytes written to streams', ({ stats }) => stats.bytes)

  const frames = new Histogram({
    name: 'colocate_frame_events',
    help: 'Events in one write',
    registers,
    labelNames: ['log'],
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
  })
  const delays = new Histogram({
    name: 'colocate_delivery_seconds',
    help: 'Time from a POST until the event was written to every stream that was not behind',
    registers,
    labelNames: ['log'],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
  })
  const roundTrips = new Histogram({
    name: 'colocate_store_seconds',
    help: 'Time until Redis answered, by script',
    registers,
    labelNames: ['script'],
    buckets: [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2],
  })
  const requests = new Counter({
    name: 'colocate_requests_total',
    help: 'Answered requests, by route and status',
    registers,
    labelNames: ['route', 'status'],
  })
  const durations = new Histogram({
    name: 'colocate_request_seconds',
    help: 'Time until a request was answered, by route; until the head for a stream',
    registers,
    labelNames: ['route'],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
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

  return {
    watch(log, hub) {
      hubs.set(log, hub)
      hub.stats.onFrame = events => frames.observe({ log }, events)
      hub.stats.onFlush = ageMs => delays.observe({ log }, Math.max(0, ageMs) / 1_000)
    },
    onRequest(route, status, durationMs) {
      requests.inc({ route, status })
      durations.observe({ route }, durationMs / 1_000)
    },
    onProblem: status => problems.inc({ status }),
    onStreamRefused: reason => refusals.inc({ reason }),
    onRoundTrip: (script, ms) => roundTrips.observe({ script }, ms / 1_000),
    onStoreError: code => storeErrors.inc({ code }),
    text: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}
