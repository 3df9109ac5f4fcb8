/**
 * The clock of one node as this process knows it, so that a script can be given a deadline by that clock. Reading the clock
 * also shows whether the node answers commands.
 */
import type { Redis } from 'ioredis'
import { isReplyError } from './reply-error.ts'

/** A node that does not answer this many times in a row gets a new connection. */
const maxUnanswered = 2
/** The clock is unknown this long after the last answer. */
const maxAgeMs = 3_000

export class NodeClock {
  readonly #redis: Redis
  #offsetMs = 0
  #readAt = Number.NEGATIVE_INFINITY
  #unanswered = 0

  constructor(redis: Redis) {
    this.#redis = redis
  }

  /** How far the node's clock is ahead of this machine's. It is too low by up to one round trip. */
  get aheadMs(): number {
    return this.now() - Date.now()
  }

  get isKnown(): boolean {
    return performance.now() - this.#readAt < maxAgeMs
  }

  /** Milliseconds since 1970, by the node. It is early by up to one round trip, never late. */
  now(): number {
    return performance.now() + this.#offsetMs
  }

  /** Asks the node for its time. Rejects without an answer, or if Redis refuses; the clock then stays until it expires. */
  async read(): Promise<void> {
    let time: (number | string)[]
    try {
      time = await this.#redis.time()
    } catch (error) {
      if (!isReplyError(error)) this.#countUnanswered()
      throw error
    }
    // A late reply may come over a connection that ioredis has given up, and nothing more can be sent over that.
    if (!this.#redis.stream.writable) {
      this.#countUnanswered()
      throw new Error('Connection is closed.')
    }
    this.#unanswered = 0
    const [seconds, micros] = time
    this.#readAt = performance.now()
    this.#offsetMs = Number(seconds) * 1_000 + Number(micros) / 1_000 - this.#readAt
  }

  #countUnanswered(): void {
    if (++this.#unanswered < maxUnanswered || this.#redis.status !== 'ready') return
    this.#unanswered = 0
    this.#redis.disconnect(true)
  }
}
