/**
 * Limits the rate at which the client publishes its location: at most one POST in flight, and always the latest update.
 *
 * Does not know HTTP: `send` returns the outcome of an update. The publisher sends an update until it is in the log, is
 * refused or is replaced by a later update.
 */

import type { LocationUpdate } from '../wire.ts'
import { backoffMs } from './backoff.ts'
import type { Outcome } from './requests.ts'

/** 20 updates a second: smooth for the user, cheap for the server. */
const PACE_MS = 50
const RETRY_MIN_MS = 500
const RETRY_MAX_MS = 15_000
/** How far ahead of this client's clock a `seq` may be: about three weeks. */
const AHEAD_MAX_MS = 1000 * 8 ** 7
const outpaced: Outcome = {
  kind: 'refused',
  refusal: { status: 200, detail: 'The room has a location of this user whose "seq" is far ahead of this clock.' },
}

export interface LocationPublisherOptions {
  send(update: LocationUpdate): Promise<Outcome>
  /** `latest`: no later update waits to be sent. */
  onOutcome(outcome: Outcome, latest: boolean): void
}

export class LocationPublisher {
  readonly #options: LocationPublisherOptions
  /** The latest update, until it has a final outcome. */
  #next: LocationUpdate | undefined
  /** The publisher has sent `#next` before, and the outcome of that attempt is unknown. */
  #isRetry = false
  #inFlight = false
  #failures = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  /**
   * The publisher sends nothing before either time. `skipBackoff` ends the first, but never the server's `Retry-After`.
   */
  #pauseUntil = 0
  #retryAfterUntil = 0
  #seq = 0
  #aheadMs = 0
  #closed = false

  constructor(options: LocationPublisherOptions) {
    this.#options = options
  }

  get idle(): boolean {
    return this.#next === undefined
  }

  publish(update: LocationUpdate): void {
    this.#next = { ...update, seq: this.#nextSeq() }
    this.#isRetry = false
    this.#sendNext()
  }

  /** The server is reachable again: ends the backoff early. */
  skipBackoff(): void {
    if (this.#failures === 0) return
    this.#pauseUntil = 0
    this.#sendNext()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #sendNext(): void {
    clearTimeout(this.#timer)
    if (!this.#next || this.#inFlight || this.#closed) return
    const waitMs = Math.max(this.#pauseUntil, this.#retryAfterUntil) - performance.now()
    if (waitMs > 0) this.#timer = setTimeout(() => this.#sendNext(), waitMs)
    else void this.#send(this.#next)
  }

  async #send(update: LocationUpdate): Promise<void> {
    this.#inFlight = true
    this.#pauseUntil = performance.now() + PACE_MS
    const outcome = await this.#options.send(update)
    this.#inFlight = false
    if (this.#closed) return
    const latest = this.#next === update
    if (outcome.kind === 'retry') this.#backOff(outcome.afterMs, latest)
    else this.#failures = 0
    if (latest && this.#isOutpaced(outcome) && this.#aheadMs < AHEAD_MAX_MS) this.#next = this.#withHigherSeq(update)
    else {
      if (latest && outcome.kind !== 'retry') this.#next = undefined
      this.#options.onOutcome(latest && this.#isOutpaced(outcome) ? outpaced : outcome, latest)
    }
    this.#sendNext()
  }

  #backOff(afterMs: number, latest: boolean): void {
    this.#isRetry = latest
    this.#pauseUntil = performance.now() + backoffMs(this.#failures++, RETRY_MIN_MS, RETRY_MAX_MS)
    this.#retryAfterUntil = performance.now() + afterMs
  }

  /**
   * True when an update is stale at the first attempt: another tab or device of the same user has published a higher
   * `seq`, perhaps because its clock is ahead. A retry may be stale because the attempt before it has succeeded.
   */
  #isOutpaced(outcome: Outcome): boolean {
    return outcome.kind === 'done' && outcome.stale && !this.#isRetry
  }

  /** Moves this client's `seq` further ahead of its clock. Otherwise every later update would be stale. */
  #withHigherSeq(update: LocationUpdate): LocationUpdate {
    this.#aheadMs = this.#aheadMs * 8 || 1000
    return { ...update, seq: this.#nextSeq() }
  }

  #nextSeq(): number {
    this.#seq = Math.max(Date.now() + this.#aheadMs, this.#seq + 1)
    return this.#seq
  }
}
