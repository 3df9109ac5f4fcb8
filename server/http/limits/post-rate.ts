/**
 * How many locations a collaborator may publish per second, over all instances.
 *
 * The shared count is in the store, but most collaborators are far below the limit, and one more command for each POST would
 * double Redis's work. So in each second every instance gives the first twentieth of the limit without counting it, and
 * takes the rest from the store in steps of a twentieth. The workers of an instance divide its free twentieth among
 * them. An instance never takes more unused locations from the store than it gave for free. So no collaborator is
 * refused below the limit, and each further instance adds at most a twentieth to it. If the limit is below 20, nothing
 * is free and each step is one location, so the limit is exact.
 */
import type { RateLimiterAbstract } from 'rate-limiter-flexible'
import { consume } from './rate-limit.ts'

/** One collaborator's current second on this instance. */
interface Share {
  left: number
  taking: Promise<void> | null
}

const windowMs = 1_000

export class PostRate {
  readonly #rate: number
  readonly #limiter: RateLimiterAbstract
  /** What each instance gives without counting. */
  readonly #free: number
  readonly #step: number
  #shares = new Map<string, Share>()
  #endsAt = 0

  /** `limiterOf` makes a limiter with so many points per second for each key. */
  constructor(rate: number, workers: number, limiterOf: (points: number) => RateLimiterAbstract) {
    this.#rate = rate
    this.#free = Math.floor(rate / 20 / workers)
    this.#step = Math.max(1, this.#free)
    this.#limiter = limiterOf(Math.ceil((rate - this.#free) / this.#step) * this.#step)
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
    const share = this.#shares.get(collaborator) ?? { left: this.#free, taking: null }
    this.#shares.set(collaborator, share)
    return share
  }

  async #take(collaborator: string, share: Share): Promise<void> {
    const policy = { name: 'posts', quota: this.#rate, seconds: windowMs / 1_000 }
    const detail = `Too many locations: at most ${this.#rate} per second for each collaborator.`
    try {
      await consume(this.#limiter, collaborator, this.#step, policy, detail)
      share.left = this.#step
    } finally {
      share.taking = null
    }
  }
}
