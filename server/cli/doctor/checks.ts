/**
 * The doctor's checks. Each sends requests along the path that browsers use, and returns the problems that it found.
 */
import { randomUUID } from 'node:crypto'
import { connect } from 'node:tls'
import { type ObservedStream, requestStream } from './observed-stream.ts'
import type { StreamProblem } from './remedies.ts'

export interface Finding {
  problem: StreamProblem
  detail: string
}

export interface CheckResult {
  /** What works if there are no findings. */
  title: string
  findings: Finding[]
  /** Information that is not a problem. */
  note?: string
}

/** Shows the user what the doctor is doing. */
export type ShowProgress = (text: string) => void

const headMs = 15_000
const identity = { 'accept-encoding': 'identity' }
/** Browsers open at most six connections to one host over HTTP/1.1. Two more show whether an intermediary has a limit. */
const streamCount = 8
const liveMs = 5_000
/** The server writes a comment 100 ms after the start of a stream. It is not a heartbeat. */
const firstCommentMs = 1_000
/** Longer than every usual heartbeat interval. */
const idleMs = 40_000

export async function checkTicks(base: URL, show: ShowProgress): Promise<CheckResult> {
  const title = 'events arrive one by one, uncompressed'
  show('receiving ticks')
  const compressible = await openTicks(base, '', 100, { 'accept-encoding': 'gzip, deflate, br' })
  const refusal = notAStream(compressible)
  if (refusal) return { title, findings: [refusal] }
  const findings: Finding[] = []
  const encoding = compressible.header('content-encoding')
  compressible.close()
  if (encoding && encoding !== 'identity') {
    findings.push({
      problem: 'compressed',
      detail: `The stream is compressed with ${encoding}. Events are delayed until there is enough data to compress.`,
    })
  }
  // The check is repeated with a longer interval, because a busy machine may be late once.
  if ((await arriveTogether(base, 300)) && (await arriveTogether(base, 1_000))) {
    findings.push({
      problem: 'held back',
      detail: 'Events are held back: four events that were sent one second apart arrived together.',
    })
  }
  return { title, findings }
}

export async function checkQuery(base: URL, show: ShowProgress): Promise<CheckResult> {
  show('sending a query')
  const stream = await openTicks(base, '?interval=50&count=2', 0)
  await stream.until(() => stream.events.length > 2, headMs)
  stream.close()
  const detail = 'The query of the URL does not reach the server.'
  return {
    title: 'the query reaches the server',
    findings: stream.events.length > 2 ? [{ problem: 'query dropped', detail }] : [],
  }
}

export async function checkLastEventId(base: URL, show: ShowProgress): Promise<CheckResult> {
  show('resuming with Last-Event-ID')
  const stream = await openTicks(base, '?interval=50&count=4', 0, { ...identity, 'last-event-id': '2' })
  await stream.until(() => stream.events.length > 0, headMs)
  stream.close()
  const detail =
    'The header Last-Event-ID does not reach the server: a client that reconnects misses the events in between.'
  return {
    title: 'Last-Event-ID reaches the server',
    findings: stream.events[0]?.id === '1' ? [{ problem: 'Last-Event-ID dropped', detail }] : [],
  }
}

export async function checkConnections(base: URL, show: ShowProgress): Promise<CheckResult> {
  show(`opening ${streamCount} simultaneous streams`)
  const opened = await Promise.all(
    Array.from({ length: streamCount }, () =>
      openTicks(base, '?interval=10000&count=2', 0, identity, liveMs).catch(() => null),
    ),
  )
  const live = opened.filter(stream => stream?.status === 200).length
  for (const stream of opened) stream?.close()
  const detail = `Only ${live} of ${streamCount} simultaneous streams opened.`
  return {
    title: `${streamCount} simultaneous streams open`,
    findings: live < streamCount ? [{ problem: 'connections run out', detail }] : [],
    ...((await isHttp2(base))
      ? {}
      : {
          note: 'Over HTTP/1.1, all tabs of a browser together open at most six streams to one host. HTTP/2 does not have this limit.',
        }),
  }
}

export async function checkRoom(base: URL, show: ShowProgress): Promise<CheckResult> {
  const title = 'the stream of a room delivers events and stays open'
  const path = `rooms/doctor-${randomUUID()}/location`
  show('opening a room')
  const stream = await requestStream(new URL(`${path}/sse`, base), { headers: identity }, headMs)
  if (stream.status === 401 || stream.status === 403) {
    stream.close()
    return {
      title: 'rooms require a token',
      findings: [],
      note: 'The stream of a room was not checked: it requires a token.',
    }
  }
  const refusal = notAStream(stream)
  if (refusal) return { title, findings: [refusal] }
  try {
    await stream.until(() => stream.events.length > 0, liveMs)
    const isLive = async () => {
      const { length } = stream.events
      ;(await requestStream(new URL(path, base), { body: { user: 'doctor', x: length, y: 0 } }, headMs)).close()
      await stream.until(() => stream.events.length > length, liveMs)
      return stream.events.length > length || stream.endedAt !== undefined
    }
    if (!(await isLive())) {
      const detail = 'A published location did not arrive on an open stream.'
      return { title, findings: [{ problem: 'held back', detail }] }
    }
    return { title, ...(await waitForHeartbeat(stream, isLive, show)) }
  } finally {
    stream.close()
  }
}

async function waitForHeartbeat(
  stream: ObservedStream,
  isLive: () => Promise<boolean>,
  show: ShowProgress,
): Promise<Pick<CheckResult, 'findings' | 'note'>> {
  await stream.until(() => stream.heartbeats > 0, firstCommentMs)
  const since = performance.now()
  const seconds = () => Math.round((performance.now() - since) / 1_000)
  const before = stream.heartbeats
  const progress = setInterval(
    () => show(`waiting for a heartbeat: ${seconds()} s of at most ${idleMs / 1_000} s`),
    1_000,
  )
  show('waiting for a heartbeat')
  await stream.until(() => stream.heartbeats > before, idleMs)
  clearInterval(progress)
  if (stream.endedAt !== undefined) {
    const detail = `A stream without events was closed after ${Math.max(1, seconds())} s.`
    return { findings: [{ problem: 'cut off when idle', detail }] }
  }
  if (stream.heartbeats > before) return { findings: [] }
  if (await isLive())
    return { findings: [], note: `No heartbeat arrived within ${idleMs / 1_000} s: HEARTBEAT_MS is longer.` }
  const detail =
    'A stream without events was dropped without being closed: it is still open, but new events do not arrive.'
  return { findings: [{ problem: 'cut off when idle', detail }] }
}

/** Without a query, `interval` and `count` are in the body, so that the result does not depend on the query. */
function openTicks(
  base: URL,
  query: string,
  interval: number,
  headers: Record<string, string> = identity,
  timeoutMs = headMs,
): Promise<ObservedStream> {
  const body = query === '' ? { body: { interval, count: 4 } } : {}
  return requestStream(new URL(`sse${query}`, base), { headers, ...body }, timeoutMs)
}

async function arriveTogether(base: URL, interval: number): Promise<boolean> {
  const stream = await openTicks(base, '', interval)
  await stream.until(() => stream.events.length === 4, 3 * interval + headMs)
  stream.close()
  const [first, last] = [stream.events[0], stream.events[3]]
  return !first || !last || last.at - first.at < (3 * interval) / 2
}

function notAStream(stream: ObservedStream): Finding | null {
  const type = stream.header('content-type')
  if (stream.status === 200 && /^text\/event-stream\b/.test(type)) return null
  stream.close()
  const detail = `The answer is ${stream.status} ${type || 'without a content type'} instead of an event stream.`
  return { problem: 'not a stream', detail }
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
    const settle = () => {
      resolve(socket.alpnProtocol === 'h2')
      socket.destroy()
    }
    socket.once('secureConnect', settle).once('error', settle).setTimeout(liveMs, settle)
  })
}
