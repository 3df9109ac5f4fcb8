/**
 * How long to wait before the next attempt, and what a server asks for in its answer.
 */
const MAX_RETRY_AFTER_MS = 300_000

/** Full jitter: any time between `minMs` and a ceiling that doubles with each failure. */
export function backoffMs(failures: number, minMs = 1_000, maxMs = 15_000): number {
  const ceiling = Math.min(maxMs, minMs * 2 ** (failures + 1))
  return minMs + Math.random() * (ceiling - minMs)
}

/** `Retry-After` (RFC 9110, 10.2.3): seconds or a date. 0 without one. */
export function retryAfterMs(headers: Headers): number {
  const value = headers.get('retry-after') ?? ''
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now()
  return Math.min(Math.max(ms || 0, 0), MAX_RETRY_AFTER_MS)
}
