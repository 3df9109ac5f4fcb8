/**
 * Detects requests that wait for one of a browser's few connections, which a stream may hold.
 */

/**
 * A request that takes longer probably waits for one of the six connections to a host that browsers have over HTTP/1.1.
 */
const SLOW_MS = 8_000

export class SlowRequests {
  readonly #onSlow: () => void
  #slowMs = SLOW_MS

  constructor(onSlow: () => void) {
    this.#onSlow = onSlow
  }

  /** Watches a request that was sent until its answer comes. */
  async watch(answer: Promise<Response>): Promise<void> {
    let slowAt = 0
    const timer = setTimeout(() => {
      slowAt = Date.now()
      this.#onSlow()
    }, this.#slowMs)
    await answer.catch(() => {})
    clearTimeout(timer)
    // If the answer still took long after `onSlow`, the network is slow. The next request then has more time.
    if (slowAt > 0 && Date.now() - slowAt > SLOW_MS / 4) this.#slowMs *= 2
  }
}
