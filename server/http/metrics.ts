/**
 * What Prometheus is shown. Most of it is counted where it happens and only read here, when it is asked for.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Hub } from '../hub/hub.ts'

export interface Metrics {
  /** An answer that was an error. */
  refused(status: number): void
  /** All of it, as text. */
  show(): Promise<{ contentType: string; text: string }>
}

export function createMetrics(hub: Hub): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const { stats } = hub
  // Among them how late the event loop is.
  collectDefaultMetrics({ register: registry })

  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  const counters = (name: string, help: string, label: string, read: () => Record<string, number>) =>
    new Counter({
      name,
      help,
      registers,
      labelNames: [label],
      collect() {
        this.reset()
        for (const [value, count] of Object.entries(read())) this.inc({ [label]: value }, count)
      },
    })

  gauge('colocate_streams', 'Streams that are open', () => hub.streams)
  gauge('colocate_streams_behind', 'Streams whose socket takes no more at present', () => hub.behind)
  counters('colocate_joins_total', 'Streams that began, by what they began with', 'outcome', () => stats.joins)
  counters('colocate_catch_ups_total', 'Readings of the history, by cause', 'cause', () => stats.catchUps)
  counter('colocate_events_total', 'Events that came from the log', () => stats.eventsIn)
  counter('colocate_deliveries_total', 'Events written, each for each of its readers', () => stats.deliveries)
  counter('colocate_sent_bytes_total', 'Bytes written to streams', () => stats.bytes)

  const frames = new Histogram({
    name: 'colocate_frame_events',
    help: 'Events that were written together',
    registers,
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
  })
  const delays = new Histogram({
    name: 'colocate_delivery_seconds',
    help: 'From the log’s time of an event until all who could take it were written it',
    registers,
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
  })
  const refusals = new Counter({
    name: 'colocate_refused_total',
    help: 'Answers that were errors, by status',
    registers,
    labelNames: ['status'],
  })
  stats.onFrame = events => frames.observe(events)
  stats.onFlush = ageMs => delays.observe(Math.max(0, ageMs) / 1_000)

  return {
    refused: status => refusals.inc({ status }),
    show: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}
