/**
 * The looks that the doctor takes, each through whatever stands between: what they found, told apart from what they could
 * not look at.
 */
import { randomUUID } from 'node:crypto'
import { connect } from 'node:tls'
import type { Trouble } from './remedies.ts'
import { ask, type Watched } from './watched.ts'

export interface Finding {
  trouble: Trouble
  detail: string
}

export interface Look {
  /** What is well when nothing was found. */
  about: string
  findings: Finding[]
  /** What is no fault, but should be known. */
  note?: string
}

/** Tells whoever waits what is waited for. */
export type Say = (text: string) => void

const headMs = 15_000
const identity = { 'accept-encoding': 'identity' }
/** What browsers may have open to one host over HTTP/1.1 is six; with two more it shows whether there is a limit between. */
const abreast = 8
const liveMs = 5_000
/** Past every usual heartbeat. */
const idleMs = 40_000

export async function lookAtTicks(base: URL, say: Say): Promise<Look> {
  const about = 'events arrive one by one, uncompressed'
  say('counting ticks')
  const packed = await ticks(base, '', 100, { 'accept-encoding': 'gzip, deflate, br' })
  const problem = notAStream(packed)
  if (problem) return { about, findings: [problem] }
  const findings: Finding[] = []
  const encoding = packed.header('content-encoding')
  packed.close()
  if (encoding && encoding !== 'identity') {
    findings.push({
      trouble: 'compressed',
      detail: `The stream is compressed with ${encoding}, so events wait until there is enough to compress.`,
    })
  }
  // Looked at again, slower, before it is said: a busy machine may be late once.
  if ((await cameTogether(base, 300)) && (await cameTogether(base, 1_000))) {
    findings.push({
      trouble: 'held back',
      detail: 'Events are held back: four that were sent a second apart came together.',
    })
  }
  return { about, findings }
}

export async function lookAtQuery(base: URL, say: Say): Promise<Look> {
  say('asking with a query')
  const stream = await ticks(base, '?interval=50&count=2', 0)
  await stream.until(() => stream.events.length > 2, headMs)
  stream.close()
  const detail = 'What was asked for in the query did not reach the server.'
  return {
    about: 'the query gets through',
    findings: stream.events.length > 2 ? [{ trouble: 'query dropped', detail }] : [],
  }
}

export async function lookAtLastEventId(base: URL, say: Say): Promise<Look> {
  say('resuming with Last-Event-ID')
  const stream = await ticks(base, '?interval=50&count=4', 0, { ...identity, 'last-event-id': '2' })
  await stream.until(() => stream.events.length > 0, headMs)
  stream.close()
  const detail =
    'The header Last-Event-ID does not reach the server: whoever comes back begins anew, and misses what came between.'
  return {
    about: 'Last-Event-ID gets through',
    findings: stream.events[0]?.id === '1' ? [{ trouble: 'Last-Event-ID dropped', detail }] : [],
  }
}

export async function lookAtConnections(base: URL, say: Say): Promise<Look> {
  say(`opening ${abreast} streams at once`)
  const opened = await Promise.all(
    Array.from({ length: abreast }, () =>
      ticks(base, '?interval=10000&count=2', 0, identity, liveMs).catch(() => null),
    ),
  )
  const live = opened.filter(stream => stream?.status === 200).length
  for (const stream of opened) stream?.close()
  const detail = `Of ${abreast} streams at once only ${live} were let through.`
  return {
    about: `${abreast} streams at once are let through`,
    findings: live < abreast ? [{ trouble: 'connections run out', detail }] : [],
    ...((await isHttp2(base))
      ? {}
      : {
          note: 'Over HTTP/1.1 a browser opens six streams to one host at most, over all its tabs; HTTP/2 has no such limit.',
        }),
  }
}

export async function lookAtRoom(base: URL, say: Say): Promise<Look> {
  const about = 'a room’s stream stays open, live'
  const path = `rooms/doctor-${randomUUID()}/location`
  say('opening a room')
  const stream = await ask(new URL(`${path}/sse`, base), { headers: identity }, headMs)
  if (stream.status === 401 || stream.status === 403) {
    stream.close()
    return { about: 'rooms want a token', findings: [], note: 'The room was not looked at: it wants a token.' }
  }
  const problem = notAStream(stream)
  if (problem) return { about, findings: [problem] }
  try {
    await stream.until(() => stream.events.length > 0, liveMs)
    const isLive = async () => {
      const { length } = stream.events
      ;(await ask(new URL(path, base), { body: { user: 'doctor', x: length, y: 0 } }, headMs)).close()
      await stream.until(() => stream.events.length > length, liveMs)
      return stream.events.length > length || stream.endedAt !== undefined
    }
    if (!(await isLive())) {
      const detail = 'A location that was published did not arrive on a stream that was open.'
      return { about, findings: [{ trouble: 'held back', detail }] }
    }
    return { about, ...(await waitForHeartbeat(stream, isLive, say)) }
  } finally {
    stream.close()
  }
}

async function waitForHeartbeat(
  stream: Watched,
  isLive: () => Promise<boolean>,
  say: Say,
): Promise<Pick<Look, 'findings' | 'note'>> {
  const since = performance.now()
  const seconds = () => Math.round((performance.now() - since) / 1_000)
  const before = stream.heartbeats
  const telling = setInterval(
    () => say(`waiting for a heartbeat: ${seconds()} s of at most ${idleMs / 1_000} s`),
    1_000,
  )
  say('waiting for a heartbeat')
  await stream.until(() => stream.heartbeats > before, idleMs)
  clearInterval(telling)
  if (stream.endedAt !== undefined) {
    const detail = `A stream on which nothing happened was cut off after ${Math.max(1, seconds())} s.`
    return { findings: [{ trouble: 'cut off when idle', detail }] }
  }
  if (stream.heartbeats > before) return { findings: [] }
  if (await isLive())
    return { findings: [], note: `No heartbeat came in ${idleMs / 1_000} s: HEARTBEAT_MS is longer than that.` }
  const detail =
    'A stream on which nothing happened was given up without a word: it is open, and nothing comes any more.'
  return { findings: [{ trouble: 'cut off when idle', detail }] }
}

/** `interval` and `count` may stand in a body, for when it is not the query that is looked at. */
function ticks(
  base: URL,
  query: string,
  interval: number,
  headers: Record<string, string> = identity,
  patienceMs = headMs,
): Promise<Watched> {
  const body = query === '' ? { body: { interval, count: 4 } } : {}
  return ask(new URL(`sse${query}`, base), { headers, ...body }, patienceMs)
}

async function cameTogether(base: URL, interval: number): Promise<boolean> {
  const stream = await ticks(base, '', interval)
  await stream.until(() => stream.events.length === 4, 3 * interval + headMs)
  stream.close()
  const [first, last] = [stream.events[0], stream.events[3]]
  return !first || !last || last.at - first.at < (3 * interval) / 2
}

function notAStream(stream: Watched): Finding | null {
  const type = stream.header('content-type')
  if (stream.status === 200 && /^text\/event-stream\b/.test(type)) return null
  stream.close()
  const detail = `${stream.status} ${type || 'without a type'} was answered where an event stream is.`
  return { trouble: 'not a stream', detail }
}

function isHttp2({ protocol, hostname, port }: URL): Promise<boolean> {
  if (protocol !== 'https:') return Promise.resolve(false)
  return new Promise(resolve => {
    const servername = hostname.replace(/^\[|\]$/g, '')
    const socket = connect({
      host: servername,
      servername,
      port: Number(port || 443),
      ALPNProtocols: ['h2', 'http/1.1'],
    })
    const say = () => {
      resolve(socket.alpnProtocol === 'h2')
      socket.destroy()
    }
    socket.once('secureConnect', say).once('error', say).setTimeout(liveMs, say)
  })
}
