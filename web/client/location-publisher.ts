/**
 * Publishes the local collaborator's moves: at most one request at a time, always with the latest move.
 *
 * Contains no HTTP: `send` resolves with the outcome of a move. A move is sent again until it is in the log, is
 * refused, or is replaced by a later one.
 */
import type { LocationUpdate } from '../wire.ts'
import { backoffMs } from './backoff.ts'
import type { ColocateError } from './errors.ts'
import type { Outcome } from './publish.ts'

const RETRY_MIN_MS = 500
/** A request that waits for longer than this is sent again as soon as another connection reaches the server. */
const STUCK_MS = 5_000

export interface LocationPublisherOptions {
  movesPerSecond: number
  send(update: LocationUpdate, signal: AbortSignal): Promise<Outcome>
  /** `latest`: no later move waits to be sent. */
  onOutcome(outcome: Outcome, latest: boolean): void
}

interface Waiting {
  seq: number
  resolve(): void
  reject(error: ColocateError): void
}

type Numbered = LocationUpdate & { seq: number }

export class LocationPublisher {
  readonly #options: LocationPublisherOptions
  readonly #paceMs: number
  /** The latest move, until it is in the log or refused. */
  #next: Numbered | undefined
  /** `#next` was sent before, and what became of it is unknown. */
  #isRepeated = false
  #flight: { startedAt: number; abort: AbortController; landed: Promise<void> } | undefined
  #failures = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Times before which nothing is sent: the client's own pace or backoff, and the server's `Retry-After`. */
  #pauseUntil = 0
  #askedUntil = 0
  #seq = 0
  /**
   * Added to the clock for `seq`, because another device of this collaborator, whose clock may be ahead, has a higher
   * one.
   */
  #aheadMs = 0
  #refusal: ColocateError | undefined
  #waiting: Waiting[] = []
  #isClosed = false

  constructor(options: LocationPublisherOptions) {
    this.#options = options
    this.#paceMs = 1_000 / Math.max(options.movesPerSecond, 0.001)
  }

  /** No move waits or is in flight. */
  get isIdle(): boolean {
    return this.#next === undefined
  }

  publish(update: LocationUpdate): void {
    if (this.#isClosed) return
    this.#next = this.#numbered(update)
    this.#isRepeated = false
    this.#refusal = undefined
    this.#pump()
  }

  /**
   * Resolves when the move that is the latest now, or a newer one of this collaborator, is in the log. Rejects with the
   * error if the server refuses it.
   */
  settled(): Promise<void> {
    if (this.#refusal) return Promise.reject(this.#refusal)
    if (this.isIdle || this.#isClosed) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ seq: this.#seq, resolve, reject })
    })
  }

  /** The server can be reached again: there is no need to wait any longer. */
  wake(): void {
    if (this.#flight && Date.now() - this.#flight.startedAt > STUCK_MS) this.#flight.abort.abort()
    if (this.#failures === 0) return
    this.#pauseUntil = 0
    this.#pump()
  }

  /** Sends nothing more. Resolves when no request is in flight. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#flight?.landed
    this.#next = undefined
    this.#settle(this.#seq)
  }

  #pump(): void {
    clearTimeout(this.#timer)
    if (!this.#next || this.#flight || this.#isClosed) return
    const waitMs = Math.max(this.#pauseUntil, this.#askedUntil) - Date.now()
    if (waitMs > 0) this.#timer = setTimeout(() => this.#pump(), waitMs)
    else this.#start(this.#next)
  }

  #start(update: Numbered): void {
    const abort = new AbortController()
    const startedAt = Date.now()
    this.#pauseUntil = startedAt + this.#paceMs
    const landed = this.#options.send(update, abort.signal).then(outcome => {
      this.#flight = undefined
      this.#land(update, outcome)
      this.#pump()
    })
    this.#flight = { startedAt, abort, landed }
  }

  #land(update: Numbered, outcome: Outcome): void {
    const isLatest = this.#next === update
    if (outcome.kind === 'later') {
      this.#isRepeated = isLatest
      this.#pauseUntil = Date.now() + backoffMs(this.#failures++, RETRY_MIN_MS)
      this.#askedUntil = Date.now() + outcome.afterMs
      return this.#options.onOutcome(outcome, isLatest)
    }
    this.#failures = 0
    // A move that was sent before may be stale because the attempt before has succeeded.
    if (isLatest && outcome.kind === 'done' && outcome.stale && !this.#isRepeated) {
      this.#aheadMs = this.#aheadMs * 8 || 1_000
      this.#next = this.#numbered(update)
      return
    }
    const error = outcome.kind === 'refused' ? outcome.error : undefined
    if (isLatest) {
      this.#next = undefined
      this.#refusal = error
    }
    this.#options.onOutcome(outcome, isLatest)
    this.#settle(update.seq, error)
  }

  /** Settles the calls of `settled` that waited for this move or an earlier one. */
  #settle(seq: number, error?: ColocateError): void {
    const decided = this.#waiting.filter(waiting => waiting.seq <= seq)
    this.#waiting = this.#waiting.filter(waiting => waiting.seq > seq)
    for (const { resolve, reject } of decided) error ? reject(error) : resolve()
  }

  #numbered(update: LocationUpdate): Numbered {
    this.#seq = Math.max(Date.now() + this.#aheadMs, this.#seq + 1)
    return { ...update, seq: this.#seq }
  }
}
