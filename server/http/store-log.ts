/**
 * Logs when the store becomes unavailable and available, and why it refuses, without flooding the log.
 *
 * While the store is unavailable, all lines about it share one limit, those of refused requests included.
 */
import type { Logger } from 'pino'

/** The least time between two lines while the store is unavailable, and between two lines about requests without an answer. */
const outageIntervalMs = 10_000
/** The least time between two lines with the same words of a store that is available. */
const refusalIntervalMs = 1_000
/** The least time between two changes that are logged, and the time that the store has when the server starts. */
const changeIntervalMs = 500
const startMs = 2_000
const maxRemembered = 100

export class StoreLog {
  readonly #log: Logger
  readonly #startedAt = performance.now()
  /** When the outage began that has been logged. */
  #unavailableSince: number | null = null
  /** The store is not available yet when the server starts, which is not reported. */
  #nextChangeAt = performance.now() + startMs
  #nextAt = 0
  #skipped = 0
  /** When the same words may be logged again. */
  readonly #nextByWords = new Map<string, number>()

  constructor(log: Logger) {
    this.#log = log
  }

  get isUnavailable(): boolean {
    return this.#unavailableSince !== null
  }

  /** The store has been checked: why it can't serve, or null. */
  checked(reason: string | null): void {
    const now = performance.now()
    if ((reason !== null) !== this.isUnavailable) this.#change(reason, now)
    else if (reason !== null) {
      const skipped = this.take()
      if (skipped !== null) this.#log.warn({ reason, skipped }, 'Redis still unavailable')
    }
  }

  /** A change that comes too soon is left to the next check. */
  #change(reason: string | null, now: number): void {
    if (now < this.#nextChangeAt) return
    this.#nextChangeAt = now + changeIntervalMs
    if (reason === null) {
      this.#log.info({ afterMs: Math.round(now - (this.#unavailableSince ?? now)) }, 'Redis available')
      this.#unavailableSince = null
    } else {
      this.#unavailableSince = now
      this.#nextAt = now + outageIntervalMs
      this.#log.warn({ reason }, 'Redis unavailable')
    }
  }

  /** The store has refused an operation, in its own words. */
  refused(words: string): void {
    const now = performance.now()
    if (now < (this.#nextByWords.get(words) ?? 0)) return
    if (this.#nextByWords.size >= maxRemembered) this.#nextByWords.clear()
    this.#nextByWords.set(words, now + (this.isUnavailable ? outageIntervalMs : refusalIntervalMs))
    this.#log.warn({ reason: words }, 'Redis refused')
  }

  /** A connection to the store has failed. While the store is available, another connection serves it. */
  connectionFailed({ message }: Error): void {
    const skipped = this.take()
    if (skipped !== null) this.#log.warn({ reason: message, skipped }, 'Redis connection failed')
  }

  /** The clocks of some nodes differ from this machine's, in words. */
  skewed(skews: string[]): void {
    if (skews.length > 0) this.#log.warn({ skews }, 'Redis clock differs')
    else this.#log.info('Redis clock agrees')
  }

  /** Whether a line about the outage may be logged now: the number of lines that were skipped, or null. */
  take(): number | null {
    const now = performance.now()
    if (now < this.#nextAt || now - this.#startedAt < startMs) {
      this.#skipped++
      return null
    }
    const skipped = this.#skipped
    this.#nextAt = now + outageIntervalMs
    this.#skipped = 0
    return skipped
  }
}
