/**
 * Keeps one room's event stream open, and passes on every event once and in order.
 *
 * Does not interpret the events. After a disconnect it reconnects with the last event id; the server then sends the
 * missed events or a snapshot.
 */

import type { RoomEvent } from '../wire.ts'
import { backoffMs } from './backoff.ts'
import { isFinal, type Refusal, refusalOf } from './requests.ts'

export type Status = 'connecting' | 'live' | 'reconnecting' | 'offline'

/** With `ack` the server sends an event every `HEARTBEAT_MS`. A connection without one for this long counts as dead. */
const SILENCE_MS = 45_000
const REOPEN_MIN_MS = 1000
const REOPEN_MAX_MS = 15_000
/** `EventSource.CLOSED`. Not every implementation of `EventSource` has the constant. */
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
  #lastMessageAt = 0
  #failures = 0
  #reopenTimer: ReturnType<typeof setTimeout> | undefined
  #silenceTimer: ReturnType<typeof setTimeout> | undefined
  #probe: AbortController | undefined

  constructor(options: EventStreamConnectionOptions) {
    this.#options = options
  }

  open(): void {
    this.#disconnect()
    this.#lastMessageAt = performance.now()
    this.#checkSilence()
    const { EventSource, url, credentials } = this.#options
    const resume = this.#lastEventId && `&lastEventId=${encodeURIComponent(this.#lastEventId)}`
    const source = new EventSource(url + resume, { withCredentials: credentials === 'include' })
    source.onmessage = message => this.#onMessage(message)
    source.onerror = () => {
      this.#setDisconnected()
      // In any other state the source reconnects by itself.
      if (source.readyState === CLOSED) void this.#reopen(source)
    }
    this.#source = source
    this.#setDisconnected()
  }

  /** Closes the connection until the next `refresh`. */
  pause(): void {
    this.#disconnect()
  }

  /** Replaces the connection. After a change of network the old one may be dead without an error. */
  refresh(): void {
    if (this.#source) this.open()
  }

  close(): void {
    this.#disconnect()
    this.#source = undefined
  }

  #onMessage(message: MessageEvent<string>): void {
    this.#lastMessageAt = performance.now()
    this.#failures = 0
    // An event without an id repeats the last event id (HTML standard).
    const id = message.lastEventId === this.#lastEventId ? '' : message.lastEventId
    this.#lastEventId = id || this.#lastEventId
    const event = parse(message.data)
    if (event) this.#options.onEvent(event, id)
    if (this.#source) this.#setStatus('live')
  }

  async #reopen(source: EventSource): Promise<void> {
    const waitMs = backoffMs(this.#failures++, REOPEN_MIN_MS, REOPEN_MAX_MS)
    const refusal = await this.#fetchRefusal()
    if (source !== this.#source) return
    if (!refusal) {
      this.#reopenTimer = setTimeout(() => this.open(), waitMs)
      return
    }
    this.close()
    this.#setStatus('offline', refusal)
  }

  /**
   * `EventSource` hides the response status, so the client requests the stream with `fetch` and aborts the response. It
   * requests the same URL: the server may refuse another URL for another reason.
   */
  async #fetchRefusal(): Promise<Refusal | undefined> {
    const probe = new AbortController()
    this.#probe = probe
    const { fetch, url, credentials } = this.#options
    const headers = { accept: 'text/event-stream' }
    try {
      const response = await fetch(url, { credentials, headers, signal: probe.signal })
      return isFinal(response) ? await refusalOf(response) : undefined
    } catch {
      return undefined
    } finally {
      probe.abort()
    }
  }

  /** Checks again when the deadline has passed, so that an event does not have to restart a timer. */
  #checkSilence(): void {
    const leftMs = this.#lastMessageAt + SILENCE_MS - performance.now()
    if (leftMs > 0) this.#silenceTimer = setTimeout(() => this.#checkSilence(), leftMs)
    else this.open()
  }

  #disconnect(): void {
    this.#source?.close()
    this.#probe?.abort()
    clearTimeout(this.#reopenTimer)
    clearTimeout(this.#silenceTimer)
  }

  #setDisconnected(): void {
    this.#setStatus(this.#status === undefined || this.#status === 'connecting' ? 'connecting' : 'reconnecting')
  }

  #setStatus(status: Status, refusal?: Refusal): void {
    if (status === this.#status) return
    this.#status = status
    this.#options.onStatus(status, refusal)
  }
}

/** Returns undefined for data that is not a JSON object with a type: a proxy may inject such data. */
function parse(data: string): RoomEvent | undefined {
  try {
    const event = JSON.parse(data) as RoomEvent | null
    return typeof event?.type === 'string' ? event : undefined
  } catch {
    return undefined
  }
}
