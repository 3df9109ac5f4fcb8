/**
 * What Prometheus is shown. Most of it is counted where it happens and only read here, when it is asked for.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Hub } from '../hub/hub.ts'
import type { StreamRefusal } from './event-stream.ts'

export interface Metrics {
  /** Shows what this hub counts, under the name of what its logs are. */
  watch(log: string, hub: Hub): void
  /** An answer that was an error. */
  onProblem(status: number): void
  /** A stream that was told to come back later. */
  onRefuse(refusal: StreamRefusal): void
  /** A script that Redis answered after so many milliseconds. */
  onRoundTrip(script: string, ms: number): void
  /** All of it, as text. */
  show(): Promise<{ contentType: string; text: string }>
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const hubs = new Map<string, Hub>()
  // Among them how late the event loop is, and that wakes an idle process at every look.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 })

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

  gauge('colocate_streams', 'Streams that are open', hub => hub.streams)
  gauge('colocate_streams_behind', 'Streams whose socket takes no more at present', hub => hub.behind)
  counters('colocate_joins_total', 'Streams that began, by what they began with', 'outcome', ({ stats }) => stats.joins)
  counters(
    'colocate_catch_ups_total',
    'What made the history be read, by cause',
    'cause',
    ({ stats }) => stats.catchUps,
  )
  counter('colocate_events_total', 'Events that came from the log', ({ stats }) => stats.eventsIn)
  counter('colocate_deliveries_total', 'Events written, each for each of its readers', ({ stats }) => stats.deliveries)
  counter('colocate_sent_bytes_total', 'Bytes written to streams', ({ stats }) => stats.bytes)

  const frames = new Histogram({
    name: 'colocate_frame_events',
    help: 'Events that were written together',
    registers,
    labelNames: ['log'],
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
  })
  const delays = new Histogram({
    name: 'colocate_delivery_seconds',
    help: 'From the log’s time of an event until all who could take it were written it',
    registers,
    labelNames: ['log'],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
  })
  const roundTrips = new Histogram({
    name: 'colocate_redis_seconds',
    help: 'Until Redis answered, by script',
    registers,
    labelNames: ['script'],
    buckets: [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2],
  })
  const problems = new Counter({
    name: 'colocate_refused_total',
    help: 'Answers that were errors, by status',
    registers,
    labelNames: ['status'],
  })
  const refusals = new Counter({
    name: 'colocate_streams_refused_total',
    help: 'Streams that were told to come back later, by reason',
    registers,
    labelNames: ['reason'],
  })

  return {
    watch(log, hub) {
      hubs.set(log, hub)
      hub.stats.onFrame = events => frames.observe({ log }, events)
      hub.stats.onFlush = ageMs => delays.observe({ log }, Math.max(0, ageMs) / 1_000)
    },
    onProblem: status => problems.inc({ status }),
    onRefuse: reason => refusals.inc({ reason }),
    onRoundTrip: (script, ms) => roundTrips.observe({ script }, ms / 1_000),
    show: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}
