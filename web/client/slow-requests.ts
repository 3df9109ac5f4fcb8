/**
 * Detects requests that wait for one of a browser's few connections, which a stream may hold.
 */

/** Over HTTP/1.1 a browser has six connections to a host. A slow network answers sooner. */
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
    // The network is slow, not short of connections: the next request has more time.
    if (slowAt > 0 && Date.now() - slowAt > SLOW_MS / 4) this.#slowMs *= 2
  }
}
