/**
 * The doctor's checks of the ticks, which need no token. Each sends requests along the path that browsers use, and returns the
 * problems that it found.
 */
import { connect } from 'node:tls'
import { type CheckResult, headMs, identity, liveMs, notAStream, type Target } from './check.ts'
import { type ObservedStream, requestStream } from './observed-stream.ts'

const compressing = { 'accept-encoding': 'gzip, deflate, br' }
/** Browsers open at most six connections to one host over HTTP/1.1. Two more show whether an intermediary has a limit. */
const streamCount = 8

export async function checkTicks({ base, show }: Target): Promise<CheckResult> {
  const title = 'events arrive one by one'
  show('receiving ticks')
  const stream = await openTicks(base, '', 100, compressing)
  const refusal = await notAStream(stream)
  if (refusal) return { title, findings: [refusal] }
  const encoding = stream.header('content-encoding')
  stream.close()
  const isCompressed = encoding !== '' && encoding !== 'identity'
  if (await isHeldBack(base, identity)) {
    const detail = 'Events are held back: four events that were sent one second apart arrived together.'
    return { title, findings: [{ problem: 'held back', detail }] }
  }
  if (!isCompressed) return { title, findings: [] }
  if (await isHeldBack(base, compressing)) {
    const detail = `The stream is compressed with ${encoding}, and its events are late: the compression waits for more data.`
    return { title, findings: [{ problem: 'compressed', detail }] }
  }
  return { title, findings: [], note: `The stream is compressed with ${encoding}. Its events are not late.` }
}

export async function checkQuery({ base, show }: Target): Promise<CheckResult> {
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

export async function checkLastEventId({ base, show }: Target): Promise<CheckResult> {
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

export async function checkConnections({ base, show }: Target): Promise<CheckResult> {
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

/** The measurement is repeated with a longer interval, because a busy machine may be late once. */
async function isHeldBack(base: URL, headers: Record<string, string>): Promise<boolean> {
  return (await arriveTogether(base, 300, headers)) && (await arriveTogether(base, 1_000, headers))
}

async function arriveTogether(base: URL, interval: number, headers: Record<string, string>): Promise<boolean> {
  const stream = await openTicks(base, '', interval, headers)
  await stream.until(() => stream.events.length === 4, 3 * interval + headMs)
  stream.close()
  const [first, last] = [stream.events[0], stream.events[3]]
  return !first || !last || last.at - first.at < (3 * interval) / 2
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
