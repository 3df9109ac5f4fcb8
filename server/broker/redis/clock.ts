/**
 * Redis's clock as seen from here, so that a script can be told until when it may run; and whether commands are answered.
 *
 * Over several nodes it is the slowest of their clocks: a deadline by it is early at the others, never late.
 */
import type { Redis } from 'ioredis'

/** A node that left this many questions in a row unanswered gets a new connection. */
const maxUnanswered = 2
/** What is known of the clock is worth nothing after this. */
const maxAgeMs = 3_000

export class Clock {
  #offsetMs = 0
  #readAt = Number.NEGATIVE_INFINITY
  readonly #unanswered = new WeakMap<Redis, number>()

  get isKnown(): boolean {
    return performance.now() - this.#readAt < maxAgeMs
  }

  /** Milliseconds since 1970, by Redis. */
  now(): number {
    return performance.now() + this.#offsetMs
  }

  /** Asks each node for its time. Rejects when none answers. */
  async read(nodes: Redis[]): Promise<void> {
    const offsets = await Promise.allSettled(nodes.map(node => this.#readOne(node)))
    const known = offsets.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
    if (known.length === 0) throw new Error('No node tells the time')
    this.#offsetMs = Math.min(...known)
    this.#readAt = performance.now()
  }

  async #readOne(node: Redis): Promise<number> {
    try {
      const [seconds, micros] = await node.time()
      // A reply that came late, on a connection that was given up: nothing can be sent over it any more.
      if (!node.stream.writable) throw new Error('The connection was given up')
      this.#unanswered.delete(node)
      // It was read before now: so it is never taken to be later than it is.
      return Number(seconds) * 1_000 + Number(micros) / 1_000 - performance.now()
    } catch (error) {
      const unanswered = (this.#unanswered.get(node) ?? 0) + 1
      this.#unanswered.set(node, unanswered)
      if (unanswered >= maxUnanswered && node.status === 'ready') {
        this.#unanswered.delete(node)
        node.disconnect(true)
      }
      throw error
    }
  }
}
