/**
 * The pace at which my moves are published: at most one request in flight, and only ever the latest move.
 *
 * Does not know HTTP: `send` tells what became of a move. A move is sent until it is in the log, refused or overtaken.
 */
import type { LocationUpdate } from '../wire.ts'
import { backoffMs } from './backoff.ts'
import type { ColocateError } from './errors.ts'
import type { Outcome } from './publish.ts'

const RETRY_MIN_MS = 500
/** A request that waits for longer is sent again once the server is heard on another connection. */
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
  /** Nothing is sent before: the first is this side's backoff, the second the server's wish. */
  #pauseUntil = 0
  #askedUntil = 0
  #seq = 0
  /** Another device of mine has a higher `seq`, perhaps by a clock that is ahead. */
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

  /** Resolves when the latest move, or a newer one of mine, is in the log. Rejects with the error that refused it. */
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

  /** What became of a move decides for those who waited for it, or for an earlier one. */
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
