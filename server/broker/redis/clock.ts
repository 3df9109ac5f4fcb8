/**
 * Redis's clock as this process knows it, so that a script can be given a deadline by that clock. Reading the clock also
 * shows whether Redis answers commands.
 *
 * With several nodes it is the slowest of their clocks: a deadline by it is early on the other nodes, never late.
 */
import type { Redis } from 'ioredis'

/** A node that does not answer this many times in a row gets a new connection. */
const maxUnanswered = 2
/** The clock is unknown this long after the last answer. */
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

  /** Asks each node for its time. If no node answers, the clock stays as it is until it expires. */
  async read(nodes: Redis[]): Promise<void> {
    const offsets = await Promise.all(nodes.map(node => this.#readOffset(node)))
    const known = offsets.filter(offset => offset !== null)
    if (known.length === 0) return
    this.#offsetMs = Math.min(...known)
    this.#readAt = performance.now()
  }

  /** Returns null if the node does not answer. */
  async #readOffset(node: Redis): Promise<number | null> {
    // ioredis rejects with untyped errors when the connection is lost or the command times out, and with a ReplyError
    // when Redis refuses. In each case the node does not tell its time.
    const time = await node.time().catch(() => null)
    // A late reply may come over a connection that ioredis has given up, and nothing more can be sent over that.
    if (!time || !node.stream.writable) {
      this.#countUnanswered(node)
      return null
    }
    this.#unanswered.delete(node)
    const [seconds, micros] = time
    // Redis took the time before now, so its clock is estimated too early, never too late.
    return Number(seconds) * 1_000 + Number(micros) / 1_000 - performance.now()
  }

  #countUnanswered(node: Redis): void {
    const unanswered = (this.#unanswered.get(node) ?? 0) + 1
    this.#unanswered.set(node, unanswered)
    if (unanswered < maxUnanswered || node.status !== 'ready') return
    this.#unanswered.delete(node)
    node.disconnect(true)
  }
}
