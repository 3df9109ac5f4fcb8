/**
 * How many locations each collaborator may publish in a second, over all instances.
 *
 * The count that all instances share is in the store, but most people are far below the limit, and asking for each POST
 * would double what Redis has to do. So in each second the first twentieth is free at every instance and not counted, and
 * what comes after is taken from the store in steps of a twentieth. What an instance took and does not use is never more
 * than what it had free: nobody is refused below the limit, and nobody gets more than a twentieth above it for each
 * further instance. With a limit below 20 nothing is free and every step is one: exact.
 */
import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible'
import { tooMany } from './too-many.ts'

/** One collaborator's second here. */
interface Share {
  left: number
  taking: Promise<void> | null
}

const windowMs = 1_000

export class PostRate {
  readonly #rate: number
  readonly #limiter: RateLimiterAbstract
  /** What is free, and what is taken at a time. */
  readonly #part: number
  readonly #step: number
  #shares = new Map<string, Share>()
  #endsAt = 0

  /** `limiterOf` makes one with so many points for each collaborator and second; it needs no store to be there. */
  constructor(rate: number, limiterOf: (points: number) => RateLimiterAbstract) {
    this.#rate = rate
    this.#part = Math.floor(rate / 20)
    this.#step = Math.max(1, this.#part)
    this.#limiter = limiterOf(Math.ceil((rate - this.#part) / this.#step) * this.#step)
  }

  /** Counts one location of a room's collaborator. Rejects with a 429 `Problem`. */
  async count(collaborator: string): Promise<void> {
    const share = this.#shareOf(collaborator)
    while (share.left === 0) {
      share.taking ??= this.#take(collaborator, share)
      await share.taking
    }
    share.left--
  }

  #shareOf(collaborator: string): Share {
    const now = performance.now()
    if (now >= this.#endsAt) {
      this.#shares = new Map()
      this.#endsAt = now + windowMs
    }
    let share = this.#shares.get(collaborator)
    if (!share) {
      share = { left: this.#part, taking: null }
      this.#shares.set(collaborator, share)
    }
    return share
  }

  async #take(collaborator: string, share: Share): Promise<void> {
    try {
      await this.#limiter.consume(collaborator, this.#step)
      share.left = this.#step
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal
      const policy = { name: 'posts', quota: this.#rate, seconds: windowMs / 1_000 }
      throw tooMany('These are too many locations of one collaborator in a second.', policy, refusal.msBeforeNext)
    } finally {
      share.taking = null
    }
  }
}
