/**
 * The doctor's checks of a room: it posts as a page of the URL does, and follows the room.
 */
import { decodeJwt } from 'jose'
import { type CheckResult, headMs, identity, liveMs, notAStream, type Target } from './check.ts'
import { type ObservedStream, requestStream } from './observed-stream.ts'

/** Longer than every usual heartbeat interval. */
const idleMs = 40_000
/** The server writes a comment 100 ms after the start of a stream. It is not a heartbeat. */
const firstCommentMs = 1_000

/** A browser sends the page's origin, and the token in the cookie. A request with `Authorization` is not asked for its origin. */
export async function checkPost(target: Target): Promise<CheckResult> {
  const { base, token, show } = target
  show('posting as a page does')
  const title = 'a page may post to a room'
  const cookie = token !== undefined && { cookie: `colocate_token=${token}` }
  const answer = await post(target, { origin: base.origin, ...cookie }, 0)
  const { status } = answer
  const explanation = await answer.problemDetail()
  answer.close()
  if (status === 200) return { title, findings: [] }
  const received = /request's host "([^"]*)"/.exec(explanation)?.[1]
  if (status === 403 && received !== undefined) {
    const detail =
      `The Host header is rewritten: the server receives "${received}" instead of "${base.host}", and refuses every move of ` +
      `a page with 403. Pass the Host header on, or set CORS_ORIGINS=${base.origin} at the server.`
    return { title, findings: [{ problem: 'Host rewritten', detail }] }
  }
  if (status === 401 && token === undefined) {
    return { title: 'posts are refused without a token', findings: [], note: needsToken }
  }
  const detail = `The answer to a POST is ${status}. ${explanation && `The server says: ${explanation}`}`.trim()
  const hint = explanation.includes('"rooms" claim') ? ' Choose a room with --room.' : ''
  return { title, findings: [{ problem: 'post refused', detail: detail + hint }] }
}

const needsToken = 'The stream of a room was not checked: it needs a token. Use --token.'

export async function checkRoom(target: Target): Promise<CheckResult> {
  const title = 'the stream of a room delivers events and stays open'
  const { token, show } = target
  show('opening a room')
  const stream = await requestStream(roomUrl(target, '/sse'), { headers: headersFor(target) }, headMs)
  if (token === undefined && (stream.status === 401 || stream.status === 403)) {
    stream.close()
    return { title: 'rooms need a token', findings: [], note: needsToken }
  }
  const refusal = await notAStream(stream)
  if (refusal) return { title, findings: [refusal] }
  try {
    await stream.until(() => stream.events.length > 0, liveMs)
    const isLive = async () => {
      const { length } = stream.events
      ;(await post(target, bearer(target), length)).close()
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
    await leave(target)
  }
}

async function waitForHeartbeat(
  stream: ObservedStream,
  isLive: () => Promise<boolean>,
  show: Target['show'],
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
    return {
      findings: [],
      note: `No heartbeat arrived within ${idleMs / 1_000} s: HEARTBEAT_MS is longer, or the room was not idle.`,
    }
  const detail =
    'A stream without events was dropped without being closed: it is still open, but new events do not arrive.'
  return { findings: [{ problem: 'cut off when idle', detail }] }
}

/** Without a token, the collaborator is "doctor". A token has its own collaborator. */
function post(target: Target, headers: Record<string, string>, x: number): Promise<ObservedStream> {
  const user = target.token === undefined ? { user: 'doctor' } : {}
  return requestStream(roomUrl(target), { headers, body: { ...user, x, y: 0 } }, headMs)
}

/** The collaborator leaves, unless it has a stream of its own. If the request fails, its lease ends. */
async function leave(target: Target): Promise<void> {
  const user = target.token === undefined ? 'doctor' : subOf(target.token)
  const url = roomUrl(target, `/${encodeURIComponent(user)}?when=closed`)
  await fetch(url, { method: 'DELETE', headers: bearer(target), signal: AbortSignal.timeout(liveMs) }).catch(() => {})
}

function headersFor(target: Target): Record<string, string> {
  return { ...identity, ...bearer(target) }
}

function bearer({ token }: Target): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}

function roomUrl({ base, room }: Target, rest = ''): URL {
  return new URL(`rooms/${encodeURIComponent(room)}/location${rest}`, base)
}

/** The token's collaborator. The server verifies the token. */
function subOf(token: string): string {
  try {
    return String(decodeJwt(token).sub)
  } catch {
    return 'doctor'
  }
}
