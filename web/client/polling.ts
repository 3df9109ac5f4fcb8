/**
 * Polls a room's list of locations if a proxy holds streams back.
 */
const POLL_MS = 5_000
/** The server has noticed by then that the last stream is closed: the lease outlives the grace. */
const SECOND_POLL_MS = 1_000

/** Polls now, once more after a second, and then every 5 seconds. Returns the function that stops it. */
export function startPolling(poll: () => Promise<void>): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let isOver = false
  const next = async (waitMs: number) => {
    await poll()
    if (!isOver) timer = setTimeout(next, waitMs, POLL_MS)
  }
  void next(SECOND_POLL_MS)
  return () => {
    isOver = true
    clearTimeout(timer)
  }
}
