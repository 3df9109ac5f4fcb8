/**
 * Sends one location by POST and converts the response into an outcome.
 *
 * Never rejects: a network error is an outcome too.
 */
import type { LocationUpdate } from '../wire.ts'

export interface Refusal {
  status: number
  /** The problem's `detail`, followed by its message for each invalid field. For people, not for code. */
  detail: string
}

export type Outcome =
  /**
   * The location is in the log. `stale`: the log has a location of this user with a higher `seq`; `id` is that event's.
   */
  | { kind: 'done'; id: string; user: string; stale: boolean }
  /**
   * The outcome is unknown, or the server is temporarily unavailable. Retry the same update, but not before `afterMs`.
   */
  | { kind: 'retry'; afterMs: number }
  /** The server would refuse the same update again. */
  | { kind: 'refused'; refusal: Refusal }

/** Only one POST is in flight: without a timeout, a lost one would block every later update. */
const TIMEOUT_MS = 10_000
const MAX_RETRY_AFTER_MS = 60_000
/** The server's final refusals. Any other failure, for example a 502, comes from a proxy or is temporary. */
const FINAL = [400, 401, 403, 413, 415]

export async function postLocation(
  fetch: typeof globalThis.fetch,
  url: string,
  init: RequestInit,
  update: LocationUpdate,
): Promise<Outcome> {
  // Not `AbortSignal.any`: in Node 20, each call leaks memory for as long as the long-lived signal exists.
  const abortController = new AbortController()
  const abort = () => abortController.abort()
  const timer = setTimeout(abort, TIMEOUT_MS)
  init.signal?.addEventListener('abort', abort)
  try {
    const response = await fetch(url, { ...init, ...json(update), signal: abortController.signal })
    if (response.ok) {
      const { id, user, stale = false } = (await response.json()) as { id: string; user: string; stale?: boolean }
      return { kind: 'done', id, user, stale }
    }
    if (isFinal(response)) return { kind: 'refused', refusal: await refusalOf(response) }
    return { kind: 'retry', afterMs: retryAfterMs(response) }
  } catch {
    return { kind: 'retry', afterMs: 0 }
  } finally {
    clearTimeout(timer)
    init.signal?.removeEventListener('abort', abort)
  }
}

export const json = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

export const isFinal = ({ status }: Response): boolean => FINAL.includes(status)

export async function refusalOf(response: Response): Promise<Refusal> {
  const problem: Problem = await response.json().catch(() => ({}))
  const summary = problem.detail || problem.title || `HTTP ${response.status}`
  const errors = problem.errors?.map(({ path, message }) => `${path} ${message}`) ?? []
  return { status: response.status, detail: [summary, ...errors].join(' ') }
}

interface Problem {
  title?: string
  detail?: string
  errors?: { path: string; message: string }[]
}

/** RFC 9110, 10.2.3: `Retry-After` is a number of seconds or a date. */
function retryAfterMs(response: Response): number {
  const value = response.headers.get('retry-after') ?? ''
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Math.min(Math.max(ms || 0, 0), MAX_RETRY_AFTER_MS)
}
