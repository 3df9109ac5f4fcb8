/**
 * One POST of a location, and what its answer means for the next.
 *
 * Never rejects: an answer that is no success is an outcome too.
 */
import type { LocationUpdate } from '../wire.ts'

export interface Refusal {
  status: number
  /** The problem's `detail`, and what it says of each field: for people. */
  detail: string
}

export type Outcome =
  /** It is in the log. `stale`: the log has a location of mine with a higher `seq`, whose id this is. */
  | { kind: 'done'; id: string; user: string; stale: boolean }
  /** Nobody knows, or not now: the same again, but not before `afterMs`. */
  | { kind: 'later'; afterMs: number }
  /** The same again would be refused again. */
  | { kind: 'refused'; refusal: Refusal }

/** A POST that is lost without a word would hold up every later move. */
const TIMEOUT_MS = 10_000
const MAX_RETRY_AFTER_MS = 60_000
/** What the server itself refuses for good. Anything else but success is a proxy's bad day. */
const FINAL = [400, 401, 403, 413, 415]

export async function postLocation(
  fetch: typeof globalThis.fetch,
  url: string,
  init: RequestInit,
  draft: LocationUpdate,
): Promise<Outcome> {
  // Not `AbortSignal.any`: in Node 20 each leaves something with the signal that lives longer.
  const ending = new AbortController()
  const end = () => ending.abort()
  const timer = setTimeout(end, TIMEOUT_MS)
  init.signal?.addEventListener('abort', end)
  try {
    const response = await fetch(url, { ...init, ...json(draft), signal: ending.signal })
    if (response.ok) {
      const { id, user, stale = false } = (await response.json()) as { id: string; user: string; stale?: boolean }
      return { kind: 'done', id, user, stale }
    }
    if (isFinal(response)) return { kind: 'refused', refusal: await refusalOf(response) }
    return { kind: 'later', afterMs: retryAfterMs(response) }
  } catch {
    return { kind: 'later', afterMs: 0 }
  } finally {
    clearTimeout(timer)
    init.signal?.removeEventListener('abort', end)
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
  const said = problem.detail || problem.title || `HTTP ${response.status}`
  const errors = problem.errors?.map(({ path, message }) => `${path} ${message}`) ?? []
  return { status: response.status, detail: [said, ...errors].join(' ') }
}

interface Problem {
  title?: string
  detail?: string
  errors?: { path: string; message: string }[]
}

/** RFC 9110, 10.2.3: seconds, or a date. */
function retryAfterMs(response: Response): number {
  const value = response.headers.get('retry-after') ?? ''
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Math.min(Math.max(ms || 0, 0), MAX_RETRY_AFTER_MS)
}
