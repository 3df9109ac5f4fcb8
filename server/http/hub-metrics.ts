/**
 * The metrics of the hubs, with the label `log`: `rooms` for the rooms, `runs` for the relay. The hubs count in plain
 * numbers, which are read only when Prometheus asks.
 */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Hub } from '../hub/hub.ts'
import { createHistogram } from './histogram.ts'

export type HubName = 'rooms' | 'runs'

/** Returns a function that adds a hub to the metrics. */
export function createHubMetrics(registry: Registry): (log: HubName, hub: Hub) => void {
  const registers = [registry]
  const hubs = new Map<HubName, Hub>()
  const labelNames = ['log']

  const gauge = (name: string, help: string, read: (hub: Hub) => number) =>
    new Gauge({
      name,
      help,
      registers,
      labelNames,
      collect() {
        for (const [log, hub] of hubs) this.set({ log }, read(hub))
      },
    })
  const counters = (name: string, help: string, label: string, read: (hub: Hub) => Record<string, number>) =>
    new Counter({
      name,
      help,
      registers,
      labelNames: label === '' ? labelNames : [...labelNames, label],
      collect() {
        this.reset()
        for (const [log, hub] of hubs)
          for (const [value, count] of Object.entries(read(hub)))
            this.inc(label === '' ? { log } : { log, [label]: value }, count)
      },
    })
  const counter = (name: string, help: string, read: (hub: Hub) => number) =>
    counters(name, help, '', hub => ({ all: read(hub) }))

  gauge('colocate_streams', 'Open streams', hub => hub.streams)
  gauge('colocate_streams_behind', 'Open streams whose socket is full', hub => hub.behind)
  counters('colocate_joins_total', 'Streams started, by what they started with', 'outcome', ({ stats }) => stats.joins)
  counters(
    'colocate_snapshots_total',
    'Snapshots written to streams, by reason',
    'reason',
    ({ stats }) => stats.snapshots,
  )
  counters('colocate_catch_ups_total', 'Reads of the history, by cause', 'cause', ({ stats }) => stats.catchUps)
  counter('colocate_events_total', 'Events received from the log', ({ stats }) => stats.eventsIn)
  counter(
    'colocate_deliveries_total',
    'Events written to streams: one for each event and stream',
    ({ stats }) => stats.deliveries,
  )
  counter('colocate_sent_bytes_total', 'Bytes written to streams', ({ stats }) => stats.bytes)

  const roomsGauge = (name: string, help: string, read: (hub: Hub) => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const hub = hubs.get('rooms')
        if (hub) this.set(read(hub))
      },
    })
  roomsGauge('colocate_rooms', 'Rooms with a stream on this instance', hub => hub.topics)
  roomsGauge('colocate_collaborators', 'Collaborators in the rooms with a stream on this instance', hub => hub.keys)

  const frames = createHistogram(registry, {
    name: 'colocate_frame_events',
    help: 'Events in one write',
    label: 'log',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
  })
  const delays = createHistogram(registry, {
    name: 'colocate_delivery_seconds',
    help: 'Time from a POST, at any instance, until the event was written to every stream that was not behind',
    label: 'log',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
  })
  const durations = createHistogram(registry, {
    name: 'colocate_stream_seconds',
    help: 'How long streams lasted that have ended',
    label: 'log',
    buckets: [1, 5, 15, 30, 60, 120, 300, 900, 1_800, 3_600, 7_200],
  })

  return (log, hub) => {
    hubs.set(log, hub)
    const [frame, delay, duration] = [frames(log), delays(log), durations(log)]
    hub.stats.onFrame = events => frame.observe(events)
    hub.stats.onFlush = ageMs => delay.observe(Math.max(0, ageMs) / 1_000)
    hub.stats.onClose = ageMs => duration.observe(ageMs / 1_000)
  }
}
