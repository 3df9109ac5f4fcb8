/**
 * The pace at which my moves are published: at most one POST in flight, and only ever the latest move.
 *
 * Knows nothing of HTTP: `send` says what became of a move. A move is sent until it is in the log, refused or overtaken.
 */

import type { LocationUpdate } from '../wire.ts'
import { backoffMs } from './backoff.ts'
import type { Outcome } from './requests.ts'

/** 20 a second: enough for an eye, and little for a server. */
const PACE_MS = 50
const RETRY_MIN_MS = 500
const RETRY_MAX_MS = 15_000
/** How far ahead of this clock a `seq` may be: about three weeks. */
const AHEAD_MAX_MS = 1000 * 8 ** 7
const outpaced: Outcome = {
  kind: 'refused',
  refusal: { status: 200, detail: 'a location with a later `seq`, far ahead of this clock, is there.' },
}

export interface LocationPublisherOptions {
  send(draft: LocationUpdate): Promise<Outcome>
  /** `latest`: no later move waits to be sent. */
  onOutcome(outcome: Outcome, latest: boolean): void
}

export class LocationPublisher {
  readonly #options: LocationPublisherOptions
  /** The latest move, until it is settled. */
  #next: LocationUpdate | undefined
  /** `#next` has been sent before, and nobody knows what became of it. */
  #again = false
  #inFlight = false
  #failures = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  /**
   * Nothing is sent before either: the first is this side's patience, which good news cuts short; the second the
   * server's wish.
   */
  #pauseUntil = 0
  #askedUntil = 0
  #seq = 0
  #aheadMs = 0
  #closed = false

  constructor(options: LocationPublisherOptions) {
    this.#options = options
  }

  get idle(): boolean {
    return this.#next === undefined
  }

  move(draft: LocationUpdate): void {
    this.#next = { ...draft, seq: this.#drawSeq() }
    this.#again = false
    this.#pump()
  }

  /** The server can be reached again: no need to sit out the pause. */
  wake(): void {
    if (this.#failures === 0) return
    this.#pauseUntil = 0
    this.#pump()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #pump(): void {
    clearTimeout(this.#timer)
    if (!this.#next || this.#inFlight || this.#closed) return
    const waitMs = Math.max(this.#pauseUntil, this.#askedUntil) - performance.now()
    if (waitMs > 0) this.#timer = setTimeout(() => this.#pump(), waitMs)
    else void this.#send(this.#next)
  }

  async #send(draft: LocationUpdate): Promise<void> {
    this.#inFlight = true
    this.#pauseUntil = performance.now() + PACE_MS
    const outcome = await this.#options.send(draft)
    this.#inFlight = false
    if (this.#closed) return
    const latest = this.#next === draft
    if (outcome.kind === 'later') this.#postpone(outcome.afterMs, latest)
    else this.#failures = 0
    if (latest && this.#isOutpaced(outcome) && this.#aheadMs < AHEAD_MAX_MS) this.#next = this.#overtaking(draft)
    else {
      if (latest && outcome.kind !== 'later') this.#next = undefined
      this.#options.onOutcome(latest && this.#isOutpaced(outcome) ? outpaced : outcome, latest)
    }
    this.#pump()
  }

  #postpone(afterMs: number, latest: boolean): void {
    this.#again = latest
    this.#pauseUntil = performance.now() + backoffMs(this.#failures++, RETRY_MIN_MS, RETRY_MAX_MS)
    this.#askedUntil = performance.now() + afterMs
  }

  /**
   * A move that is stale although it was sent but once lost to another tab or device of mine, perhaps one whose clock is
   * ahead of this one's. One that was sent before may have lost to itself.
   */
  #isOutpaced(outcome: Outcome): boolean {
    return outcome.kind === 'done' && outcome.stale && !this.#again
  }

  /** Else every move from here would be stale: it goes again with a `seq` still further ahead. */
  #overtaking(draft: LocationUpdate): LocationUpdate {
    this.#aheadMs = this.#aheadMs * 8 || 1000
    return { ...draft, seq: this.#drawSeq() }
  }

  #drawSeq(): number {
    this.#seq = Math.max(Date.now() + this.#aheadMs, this.#seq + 1)
    return this.#seq
  }
}
