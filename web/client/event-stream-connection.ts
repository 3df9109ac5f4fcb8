/**
 * Keeps one room's event stream open, whatever happens to it.
 *
 * Knows nothing of what the events mean. Hands on every event once and in order: it comes back with the id of the last one,
 * and the server makes up for what was missed or sends a snapshot.
 */

import type { RoomEvent } from '../wire.ts'
import { backoffMs } from './backoff.ts'
import { isFinal, type Refusal, refusalOf } from './requests.ts'

export type Status = 'connecting' | 'live' | 'reconnecting' | 'offline'

/** With `ack` the server says something every `HEARTBEAT_MS`; past this the connection is dead, whatever the socket says. */
const SILENCE_MS = 45_000
const REOPEN_MIN_MS = 1000
const REOPEN_MAX_MS = 15_000
/** `EventSource.CLOSED`, which is not there to be read in every runtime. */
const CLOSED = 2
export interface EventStreamConnectionOptions {
  /** The stream's URL, with a query. */
  url: string
  EventSource: typeof globalThis.EventSource
  fetch: typeof globalThis.fetch
  credentials: RequestCredentials
  /** `id` is empty for an event without one. */
  onEvent(event: RoomEvent, id: string): void
  onStatus(status: Status, refusal?: Refusal): void
}

export class EventStreamConnection {
  readonly #options: EventStreamConnectionOptions
  #source: EventSource | undefined
  #status: Status | undefined
  #lastEventId = ''
  #heardAt = 0
  #failures = 0
  #reopening: ReturnType<typeof setTimeout> | undefined
  #watch: ReturnType<typeof setTimeout> | undefined
  #probing: AbortController | undefined

  constructor(options: EventStreamConnectionOptions) {
    this.#options = options
  }

  open(): void {
    this.#drop()
    this.#heardAt = performance.now()
    this.#watchSilence()
    const { EventSource, url, credentials } = this.#options
    const resume = this.#lastEventId && `&lastEventId=${encodeURIComponent(this.#lastEventId)}`
    const source = new EventSource(url + resume, { withCredentials: credentials === 'include' })
    source.onmessage = message => this.#heard(message)
    source.onerror = () => {
      this.#lost()
      // Any other state is a pause after which the source comes back by itself.
      if (source.readyState === CLOSED) void this.#reopen(source)
    }
    this.#source = source
    this.#lost()
  }

  /** Lets go of the connection until a `refresh`. */
  pause(): void {
    this.#drop()
  }

  /** For when the network is another one: the old connection may be dead without knowing it. */
  refresh(): void {
    if (this.#source) this.open()
  }

  close(): void {
    this.#drop()
    this.#source = undefined
  }

  #heard(message: MessageEvent<string>): void {
    this.#heardAt = performance.now()
    this.#failures = 0
    // An event without an id carries the one before it.
    const id = message.lastEventId === this.#lastEventId ? '' : message.lastEventId
    this.#lastEventId = id || this.#lastEventId
    const event = parse(message.data)
    if (event) this.#options.onEvent(event, id)
    if (this.#source) this.#say('live')
  }

  async #reopen(source: EventSource): Promise<void> {
    const waitMs = backoffMs(this.#failures++, REOPEN_MIN_MS, REOPEN_MAX_MS)
    const refusal = await this.#probe()
    if (source !== this.#source) return
    if (!refusal) {
      this.#reopening = setTimeout(() => this.open(), waitMs)
      return
    }
    this.close()
    this.#say('offline', refusal)
  }

  /**
   * `EventSource` hides the status. Asks the very same URL, since another one may be refused for other reasons, and
   * hangs up at once.
   */
  async #probe(): Promise<Refusal | undefined> {
    const probing = new AbortController()
    this.#probing = probing
    const { fetch, url, credentials } = this.#options
    const headers = { accept: 'text/event-stream' }
    try {
      const response = await fetch(url, { credentials, headers, signal: probing.signal })
      return isFinal(response) ? await refusalOf(response) : undefined
    } catch {
      return undefined
    } finally {
      probing.abort()
    }
  }

  /** One timer that looks again later, not one set anew by each event. */
  #watchSilence(): void {
    const leftMs = this.#heardAt + SILENCE_MS - performance.now()
    if (leftMs > 0) this.#watch = setTimeout(() => this.#watchSilence(), leftMs)
    else this.open()
  }

  #drop(): void {
    this.#source?.close()
    this.#probing?.abort()
    clearTimeout(this.#reopening)
    clearTimeout(this.#watch)
  }

  #lost(): void {
    this.#say(this.#status === undefined || this.#status === 'connecting' ? 'connecting' : 'reconnecting')
  }

  #say(status: Status, refusal?: Refusal): void {
    if (status === this.#status) return
    this.#status = status
    this.#options.onStatus(status, refusal)
  }
}

/** Whatever else may stand between, only an object with a type is an event. */
function parse(data: string): RoomEvent | undefined {
  try {
    const event = JSON.parse(data) as RoomEvent | null
    return typeof event?.type === 'string' ? event : undefined
  } catch {
    return undefined
  }
}
