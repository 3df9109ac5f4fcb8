/**
 * One step of an open loop: events are due at a fixed rate, and a delay counts from the due time, even if the event is
 * sent late.
 */
import { setTimeout } from 'node:timers/promises'
import { bodyOf, nowUs } from './stamp.mjs'
import { cpuMs, ownLoad } from './usage.mjs'

/** Above this load, the generator may have been the bottleneck. */
export const busy = 0.95
/** A step is given up when its publishers are this far behind. */
const hopelessMs = 1_500

/** `load`: readers, publishers, rooms, batch (locations in each POST), pid. `shape`: rate, warmMs, ms, drainMs, givesUp. */
export async function step(load, { rate, warmMs, ms, drainMs, givesUp = true }) {
  const { readers, publishers, rooms, batch, pid } = load
  const startUs = nowUs() + 5_000
  const fromUs = startUs + warmMs * 1_000
  const toUs = fromUs + ms * 1_000
  readers.begin(startUs, fromUs, toUs)
  load.expected = 0
  const before = { answered: publishers.answered, refused: publishers.refused, ended: readers.ended }

  const total = Math.floor(((warmMs + ms) * rate) / 1_000)
  const usEach = 1_000_000 / rate
  let sent = 0
  let cpuFrom = null
  let own = null
  let isHopeless = false
  while (sent < total && !isHopeless) {
    const now = nowUs()
    if (own === null && now >= fromUs) {
      cpuFrom = cpuMs(pid)
      own = ownLoad()
    }
    for (; sent < total && startUs + sent * usEach <= now; sent++) send(load, sent % rooms, startUs + sent * usEach)
    isHopeless = givesUp && (publishers.waiting * 1_000) / rate > hopelessMs
    await setTimeout(Math.max(1, Math.min(20, (startUs + sent * usEach - nowUs()) / 1_000)))
  }
  if (!isHopeless) await setTimeout(Math.max(0, (toUs - nowUs()) / 1_000))
  const cpu = cpuFrom === null ? null : cpuMs(pid) - cpuFrom
  const generator = own?.() ?? 0
  const tookMs = Math.min(ms, (nowUs() - fromUs) / 1_000)
  if (isHopeless) publishers.forget()
  const arrived = readers.arrived

  const drainedBy = performance.now() + drainMs
  while ((publishers.waiting > 0 || readers.delivered < load.expected) && performance.now() < drainedBy)
    await setTimeout(5)
  const lost = load.expected - readers.delivered
  return {
    rate,
    perSecond: (arrived * 1_000) / tookMs,
    wanted: (rate * batch * readers.count) / rooms,
    p50: readers.delays.quantile(0.5),
    p99: readers.delays.quantile(0.99),
    cpu: cpu === null ? null : cpu / tookMs,
    cpuUs: cpu === null || arrived === 0 ? null : (cpu * 1_000) / arrived,
    generator,
    lost,
    disordered: readers.disordered,
    refused: publishers.refused - before.refused + readers.ended - before.ended,
    isWhole:
      !isHopeless &&
      lost === 0 &&
      readers.disordered === 0 &&
      publishers.refused === before.refused &&
      readers.ended === before.ended,
  }
}

/** Sends the next POST, from the next publisher in turn. */
function send(load, room, dueUs) {
  const p = load.sent++ % load.publishers.count
  load.publishers.post(p, { room, body: bodyOf(p, Math.round(dueUs), load.seqs, load.batch) })
}
