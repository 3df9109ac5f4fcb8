/**
 * One POST of a location, and what its answer means for the next. Never rejects: a failure is an outcome, too.
 */
import type { LocationUpdate } from '../wire.ts'
import { retryAfterMs } from './backoff.ts'
import { type ColocateError, errorOf } from './errors.ts'
import { json, type Requests } from './requests.ts'
import { untilAborted } from './until-aborted.ts'

export type Outcome =
  /** It is in the log. `stale`: the log has a location of this collaborator with a higher `seq`; `id` is its id. */
  | { kind: 'done'; id: string; user: string; stale: boolean }
  /** The server can't publish it now, or the outcome is unknown. Send it again, but not before `afterMs`. */
  | { kind: 'later'; afterMs: number }
  /** The server would refuse it again. */
  | { kind: 'refused'; error: ColocateError }

/** A POST whose answer got lost must not hold up every later move. */
const TIMEOUT_MS = 20_000
/** Any other status than these and success comes from a proxy, or from a server that can't answer now. */
const FINAL = [400, 401, 403, 404, 405, 413, 415, 422]

export function postLocation(
  requests: Requests,
  url: string,
  signal: AbortSignal,
  update: LocationUpdate,
): Promise<Outcome> {
  const send = async (signal: AbortSignal): Promise<Outcome> => {
    const response = await requests.send(url, { ...json(update), signal })
    if (FINAL.includes(response.status)) return { kind: 'refused', error: await errorOf(response) }
    if (!response.ok) return { kind: 'later', afterMs: retryAfterMs(response.headers) }
    const { id, user, stale = false } = (await response.json()) as { id: string; user: string; stale?: boolean }
    return { kind: 'done', id, user, stale }
  }
  return untilAborted(signal, send, TIMEOUT_MS).catch(() => ({ kind: 'later', afterMs: 0 }))
}
