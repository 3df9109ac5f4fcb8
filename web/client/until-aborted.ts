/**
 * Runs asynchronous work until a signal or a timeout aborts it.
 */

/** The longest that a timer can wait: 24.8 days. */
export const MAX_TIMEOUT_MS = 2 ** 31 - 1

/**
 * Calls `run` with a signal that aborts when `outer` aborts or the time is over. Rejects at once then, even if `run`
 * goes on.
 *
 * Not `AbortSignal.any`: in Node.js 20 it leaks memory.
 */
export async function untilAborted<T>(
  outer: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
  timeoutMs = MAX_TIMEOUT_MS,
): Promise<T> {
  outer?.throwIfAborted()
  const ending = new AbortController()
  const { signal } = ending
  const abort = () => ending.abort()
  const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const timer = setTimeout(abort, timeoutMs)
  outer?.addEventListener('abort', abort)
  try {
    return await Promise.race([run(signal), aborted])
  } finally {
    clearTimeout(timer)
    outer?.removeEventListener('abort', abort)
  }
}
