/**
 * Keeps a room's event stream open, whatever happens to it.
 *
 * Passes every entry on once and in order. A stream is replaced without a gap: the next one is opened with the last id, and the
 * old one is closed when the next one speaks.
 */
import { backoffMs } from './backoff.ts'
import type { Entry } from './entries.ts'
import type { ColocateError } from './errors.ts'
import { isAbove } from './event-ids.ts'
import { EventStream, type StreamEnd } from './event-stream.ts'

/** The server sends a heartbeat every 15 s: after this the link is dead, whatever the socket says. */
const DEAD_MS = 45_000
/** When the page becomes visible or the network returns, a stream that was silent for longer than this is checked. */
const DOUBT_MS = 5_000
/** When a new stream does not answer within this time, a second one is opened: the first one's connection may be dead, too. */
const HEDGE_MS = 3_000
const HELD_BACK_AFTER = 3
const HELD_BACK_RETRY_MS = 300_000

export type ConnectionStatus = 'live' | 'reconnecting' | 'closed'

export interface ConnectionUpdate {
  entries?: Entry[]
  status?: ConnectionStatus
  error?: ColocateError
}

export interface ConnectionOptions {
  lastEventId: string
  /** Requests a stream that resumes after the id. */
  open(lastEventId: string, signal: AbortSignal): Promise<Response>
  onUpdate(update: ConnectionUpdate): void
  /** Resolves whether the server answers requests, although a stream said nothing. */
  isAnswering(): Promise<boolean>
  /**
   * Called when streams receive nothing although requests are answered. From then on, a new stream is tried every 5
   * minutes.
   */
  onHeldBack(): void
}

export class EventStreamConnection {
  readonly #options: ConnectionOptions
  #current: EventStream | undefined
  readonly #next = new Set<EventStream>()
  #status: ConnectionStatus | undefined
  /** Writable, because a list of locations that was polled may be newer than the last event. */
  lastEventId: string
  #failures = 0
  #heldBackCount = 0
  /** The time before which the server asked for no request. */
  #notBefore = 0
  #retry: ReturnType<typeof setTimeout> | undefined
  #hedge: ReturnType<typeof setTimeout> | undefined
  #watch: ReturnType<typeof setTimeout> | undefined
  #isOpen = false
  /** When a new stream was opened because the current one may be dead. */
  #doubtedAt = 0

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.lastEventId = options.lastEventId
  }

  /** Opens a stream at once. Does nothing while one is open or is being opened. */
  open(): void {
    this.#isOpen = true
    clearTimeout(this.#retry)
    if (!this.#current && this.#next.size === 0) this.#add()
  }

  /** Opens a new stream beside the current one, which goes on until the new one speaks. */
  replace(): void {
    if (!this.#isOpen) return
    clearTimeout(this.#retry)
    this.#dropNext()
    this.#add()
  }

  /** Call when the page becomes visible or the network returns. Checks whether the connection still works. */
  wake(): void {
    if (!this.#isOpen || Date.now() < this.#notBefore) return
    if (this.#current && Date.now() - this.#current.heardAt <= DOUBT_MS) return
    clearTimeout(this.#retry)
    clearTimeout(this.#hedge)
    this.#doubtedAt = Date.now()
    if (this.#next.size === 0) this.#add()
    this.#hedge = setTimeout(() => this.#next.size === 1 && this.#add(), HEDGE_MS)
  }

  /** The network is gone: the current stream is not trusted any more. */
  lose(): void {
    if (this.#isOpen) this.#lost({ afterMs: 0 })
  }

  /**
   * Closes the stream and reopens it, so that requests that wait for one of the browser's connections are sent first.
   */
  pause(): void {
    if (!this.#current) return
    this.#drop()
    this.#retryAfter({ afterMs: 0, isSilent: true })
  }

  close(): void {
    this.#isOpen = false
    this.#drop()
    this.#dropNext()
    clearTimeout(this.#retry)
    clearTimeout(this.#hedge)
  }

  #add(isPatient = false): void {
    const { open } = this.#options
    const lastEventId = this.lastEventId
    const stream: EventStream = new EventStream({
      isPatient,
      open: signal => open(lastEventId, signal),
      onEntries: entries => this.#heard(stream, entries),
      onEnd: end => this.#ended(stream, end),
    })
    this.#next.add(stream)
  }

  #dropNext(): void {
    for (const stream of this.#next) stream.close()
    this.#next.clear()
  }

  #drop(): void {
    clearTimeout(this.#watch)
    this.#current?.close()
    this.#current = undefined
  }

  #heard(stream: EventStream, heard: Entry[]): void {
    const isNew = stream !== this.#current
    if (isNew) {
      this.#drop()
      this.#next.delete(stream)
      this.#dropNext()
      clearTimeout(this.#retry)
      this.#current = stream
      this.#failures = 0
      this.#heldBackCount = 0
      this.#notBefore = 0
      this.#watchSilence()
    }
    const entries = heard.filter(entry => this.#isUnseen(entry))
    if (this.#status !== 'live') this.#tell({ entries, status: 'live' })
    else if (entries.length > 0) this.#tell({ entries })
  }

  /** The old stream may have passed on what the new one repeats. */
  #isUnseen({ id, event }: Entry): boolean {
    if (id === '') return true
    const isUnseen = event.type === 'snapshot' || this.lastEventId === '' || isAbove(id, this.lastEventId)
    if (isUnseen) this.lastEventId = id
    return isUnseen
  }

  #ended(stream: EventStream, end: StreamEnd): void {
    this.#next.delete(stream)
    if (end.error) {
      this.close()
      return this.#tell({ status: 'closed', error: end.error })
    }
    const current = this.#current
    const isDoubted = end.isSilent && current && current.heardAt < this.#doubtedAt
    if (!current || current === stream || isDoubted) this.#lost(end)
    else if (this.#next.size === 0) this.#retryAfter(end)
  }

  #lost(end: StreamEnd): void {
    this.#drop()
    if (this.#status !== 'reconnecting') this.#tell({ status: 'reconnecting' })
    if (this.#next.size > 0) return
    this.#retryAfter(end)
    if (end.isSilent) void this.#countSilent()
  }

  #retryAfter({ afterMs, isSilent }: StreamEnd): void {
    // After a silent stream the backoff does not grow: the wait for its first event took long enough.
    const waitMs = Math.max(afterMs, backoffMs(isSilent ? 0 : this.#failures++))
    this.#notBefore = Date.now() + afterMs
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => (this.#heldBackCount < HELD_BACK_AFTER ? this.#add() : this.#addPatient()), waitMs)
  }

  /** An open stream keeps the lease, also one that a proxy holds back. Each new one finds out whether the proxy is gone. */
  #addPatient(): void {
    this.#dropNext()
    this.#add(true)
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => this.#addPatient(), HELD_BACK_RETRY_MS)
  }

  /** Counts silent streams. If requests are answered at the same time, a proxy holds streams back. */
  async #countSilent(): Promise<void> {
    const isAnswering = await this.#options.isAnswering()
    if (!this.#isOpen || this.#current) return
    this.#heldBackCount = isAnswering ? this.#heldBackCount + 1 : 0
    if (this.#heldBackCount !== HELD_BACK_AFTER) return
    this.#addPatient()
    this.#options.onHeldBack()
  }

  /** Checks with one timer, which is set again when it fires, instead of a timer for each chunk. */
  #watchSilence(): void {
    const stream = this.#current
    if (!stream) return
    const leftMs = stream.heardAt + DEAD_MS - Date.now()
    if (leftMs > 0) this.#watch = setTimeout(() => this.#watchSilence(), leftMs)
    else {
      this.#drop()
      this.#tell({ status: 'reconnecting' })
      this.wake()
    }
  }

  #tell(update: ConnectionUpdate): void {
    this.#status = update.status ?? this.#status
    this.#options.onUpdate(update)
  }
}
