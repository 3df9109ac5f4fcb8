/**
 * Follows one room: by its stream, or by polling where streams do not get through. Answers pings, which keep the lease.
 */
import type { Location } from '../wire.ts'
import type { Entry } from './entries.ts'
import { type ConnectionUpdate, EventStreamConnection } from './event-stream-connection.ts'
import { startPolling } from './polling.ts'
import { json, type Requests, type Sending } from './requests.ts'
import type { Transport } from './types.ts'
import { untilAborted } from './until-aborted.ts'

const REQUEST_TIMEOUT_MS = 20_000
const PROBE_TIMEOUT_MS = 8_000

/** What a room needs of its connection. */
export interface RoomLink {
  /** Connects at once, unless it is connected. */
  open(): void
  /** The page is seen again, or the network is back: the link may be dead. */
  wake(): void
  /** The page is hidden. */
  hide?(): void
  /** The network is gone. */
  lose(): void
  /** There is a new token: a stream with it takes the place of the current one. */
  renew(): void
  /** Lets go of the connection for a moment. */
  pause(): void
  /** A request was sent: it may wait for one of the browser's few connections. */
  watch?(answer: Promise<Response>): void
  /** Ends the stream; `isAtOnce`: the page ends, too. */
  close(isAtOnce?: boolean): void
  /** Whether another tab is known that shares this link. */
  readonly hasPeers?: boolean
  /** Asks the browser whether another tab shares this link. */
  isShared?(): Promise<boolean>
}

export interface RoomUpdate extends ConnectionUpdate {
  transport?: Transport
}

export interface RoomConnectionOptions {
  /** The room's URL. */
  url: string
  requests: Requests
  /** The collaborator that the stream belongs to. Undefined: the token or the cookie identifies it. */
  user: string | undefined
  /** Whether there is a lease to keep. */
  hasLease(): boolean
  lastEventId: string
  onUpdate(update: RoomUpdate): void
}

export class RoomConnection implements RoomLink {
  readonly #options: RoomConnectionOptions
  readonly #stream: EventStreamConnection
  readonly #ending = new AbortController()
  /** Defined while the list is polled. */
  #stopPolling: (() => void) | undefined

  constructor(options: RoomConnectionOptions) {
    this.#options = options
    const { requests, url, user, lastEventId } = options
    this.#stream = new EventStreamConnection({
      lastEventId,
      open: (id, signal) => {
        const query = new URLSearchParams({ ack: '1', ...(user && { user }), ...(id && { lastEventId: id }) })
        // `no-store`: Chromium lets requests for one URL wait for each other to fill its cache.
        const init = { headers: { accept: 'text/event-stream' }, cache: 'no-store', isStream: true } as const
        return requests.send(`${url}/sse?${query}`, { ...init, signal })
      },
      onUpdate: update => this.#onStream(update),
      isAnswering: async () => {
        this.#keepAlive()
        return (await this.#list(PROBE_TIMEOUT_MS)) !== undefined
      },
      onHeldBack: () => {
        this.#stopPolling ??= startPolling(() => this.#poll())
      },
    })
  }

  open = () => this.#stream.open()
  wake = () => this.#stream.wake()
  lose = () => this.#stream.lose()
  pause = () => this.#stream.pause()
  renew = () => this.#stream.replace()

  close(): void {
    this.#ending.abort()
    this.#stream.close()
    this.#stopPolling?.()
    this.#stopPolling = undefined
  }

  #onStream(update: ConnectionUpdate): void {
    const { entries = [], status } = update
    if (entries.some(({ event }) => event.type === 'ping')) this.#keepAlive()
    const isPolling = this.#stopPolling !== undefined
    // While the list is polled, a stream that is tried and fails changes nothing.
    if (isPolling && status === 'reconnecting') return
    this.#stopPolling?.()
    this.#stopPolling = undefined
    this.#options.onUpdate({
      ...update,
      // Without an id it is not in the log: `resumed`, `ping`.
      entries: entries.filter(({ id }) => id !== ''),
      ...(isPolling && { transport: 'stream', status: status ?? 'live' }),
    })
  }

  async #poll(): Promise<void> {
    this.#keepAlive()
    const entry = await this.#list()
    if (!this.#stopPolling) return
    if (!entry) return this.#options.onUpdate({ status: 'reconnecting' })
    this.#stream.lastEventId = entry.id
    this.#options.onUpdate({ entries: [entry], status: 'live', transport: 'polling' })
  }

  /** Reads the list of locations; undefined when there is no good answer. */
  async #list(timeoutMs = REQUEST_TIMEOUT_MS): Promise<Entry | undefined> {
    const response = await this.#send('', { cache: 'no-store' }, timeoutMs)
    const list: { lastEventId: string; locations: Location[] } | undefined = await response?.json().catch(() => {})
    return (
      list?.locations && {
        id: list.lastEventId,
        event: { type: 'snapshot', reason: 'behind', locations: list.locations },
      }
    )
  }

  /** Without an answer the lease ends, and the room's events show that. */
  #keepAlive(): void {
    const { user, hasLease } = this.#options
    if (hasLease()) void this.#send('/alive', json({ user }), REQUEST_TIMEOUT_MS)
  }

  #send(path: string, init: Sending, timeoutMs: number): Promise<Response | undefined> {
    const { requests, url } = this.#options
    const send = (signal: AbortSignal) => requests.send(url + path, { ...init, signal })
    return untilAborted(this.#ending.signal, send, timeoutMs).catch(() => undefined)
  }
}
