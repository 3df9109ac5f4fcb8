/**
 * The client of one room, for browsers and Node.js: follows the room's locations and publishes its user's location.
 *
 * Does not know the page. Every location comes from the room's log, with one exception: from `publish` until the log
 * has the user's new location, the client shows the requested one.
 */

import type { Location, LocationUpdate, RoomEvent } from '../wire.ts'
import { EventStreamConnection, type Status } from './event-stream-connection.ts'
import { fold, type LocationsByUser } from './fold.ts'
import { LocationPublisher } from './location-publisher.ts'
import { OptimisticLocation } from './optimistic-location.ts'
import { json, type Outcome, postLocation, type Refusal } from './requests.ts'
import { roomUrl } from './room-url.ts'

/** The delay gives another tab of the same user time to republish the location first. */
const REPUBLISH_DELAY_MS = 250
/**
 * A request that takes longer may be waiting for a connection. Over HTTP/1.1 a browser opens six connections to a host,
 * and the streams of six tabs use them all.
 */
const SLOW_REQUEST_MS = 5_000

export interface ClientOptions {
  room: string
  /**
   * Default: the collaborator of the token or the cookie. Without either, the server creates an anonymous collaborator;
   * if the runtime keeps no cookies, the client sends its id with every later request.
   */
  user?: string | undefined
  /**
   * The first location. The client publishes it before it opens the stream: an anonymous collaborator then has the
   * cookie, and the stream belongs to that collaborator.
   */
  where?: LocationUpdate
  /** The server's URL, without a trailing slash. */
  base?: string
  credentials?: RequestCredentials
  fetch?: typeof globalThis.fetch
  EventSource?: typeof globalThis.EventSource
  /**
   * Receives the users whose location has changed. The client calls no callback before the constructor has returned.
   */
  onChange?(users: ReadonlySet<string>): void
  /** `offline` is final; `refusal` is its reason. */
  onStatus?(status: Status, refusal?: Refusal): void
  /** Reports the outcome of `publish`: no refusal means that the location is in the log. */
  onPublished?(refusal?: Refusal): void
}

export class Client {
  readonly #options: ClientOptions
  readonly #url: string
  readonly #requestInit: RequestInit
  readonly #locations: LocationsByUser = new Map()
  readonly #optimistic = new OptimisticLocation()
  readonly #publisher: LocationPublisher
  readonly #abortController = new AbortController()
  #stream: EventStreamConnection | undefined
  /** The `user` field of the requests. */
  #user: string | undefined
  #me: string | undefined
  /**
   * The user's latest location. The client republishes it if the log loses it. Undefined after the server refused it or
   * a DELETE removed the user.
   */
  #ownUpdate: LocationUpdate | undefined
  #republishTimer: ReturnType<typeof setTimeout> | undefined

  /** Throws a `RangeError` for an invalid room name, and a `TypeError` if the runtime has no `EventSource`. */
  constructor(options: ClientOptions) {
    const { room, user, where, base = '', credentials = 'same-origin' } = options
    this.#options = options
    this.#user = user
    this.#me = user
    this.#url = roomUrl(base, room)
    if (!options.EventSource && !globalThis.EventSource)
      throw new TypeError('EventSource is not defined; pass an implementation as the option "EventSource"')
    const { signal } = this.#abortController
    this.#requestInit = { credentials, signal }
    this.#publisher = new LocationPublisher({
      send: update => this.#post(update),
      onOutcome: (outcome, latest) => this.#onOutcome(outcome, latest),
    })
    globalThis.addEventListener?.('online', this.#reconnect, { signal })
    globalThis.addEventListener?.('offline', this.#reconnect, { signal })
    globalThis.addEventListener?.('pageshow', this.#reconnect, { signal })
    // A page in the back/forward cache would otherwise keep its stream, and the collaborator would stay in the room.
    globalThis.addEventListener?.('pagehide', () => this.#stream?.pause(), { signal })
    queueMicrotask(() => {
      if (signal.aborted) return
      if (!where) this.#openStream()
      else if (!this.#ownUpdate) this.publish(where)
    })
  }

  /** The user id of this client. For an anonymous collaborator it is known after the first response. */
  get me(): string | undefined {
    return this.#me
  }

  users(): Iterable<string> {
    return this.#locations.keys()
  }

  where(user: string): Location | undefined {
    const location = this.#locations.get(user)
    return location && user === this.#me ? { ...location, ...this.#optimistic.pending } : location
  }

  /**
   * Moves the user. Returns immediately. If calls come faster than the client can send them, it sends only the latest.
   */
  publish(where: LocationUpdate): void {
    this.#ownUpdate = where
    this.#optimistic.request(where)
    this.#publisher.publish(where)
    this.#emitChange(this.#me)
  }

  close(): void {
    this.#abortController.abort()
    this.#stream?.close()
    this.#publisher.close()
    clearTimeout(this.#republishTimer)
  }

  #openStream(): void {
    const { EventSource = globalThis.EventSource, credentials = 'same-origin' } = this.#options
    const userField = this.#user === undefined ? '' : `&user=${encodeURIComponent(this.#user)}`
    this.#stream?.close()
    this.#stream = new EventStreamConnection({
      url: `${this.#url}/sse?ack=1${userField}`,
      EventSource,
      fetch: this.#fetch,
      credentials,
      onEvent: (event, id) => this.#onEvent(event, id),
      onStatus: (status, refusal) => this.#onStatus(status, refusal),
    })
    this.#stream.open()
  }

  /** When a request is slow, the stream gives up its connection and reconnects behind the waiting request. */
  readonly #fetch: typeof globalThis.fetch = async (input, init) => {
    const { fetch = globalThis.fetch } = this.#options
    const timer = setTimeout(() => this.#stream?.refresh(), SLOW_REQUEST_MS)
    try {
      return await fetch(input, init)
    } finally {
      clearTimeout(timer)
    }
  }

  async #post(update: LocationUpdate): Promise<Outcome> {
    const user = this.#user
    // The server chose an anonymous collaborator's name; the client sends it back with the user id.
    const name = update.name ?? (user === this.#options.user ? undefined : this.#locations.get(user ?? '')?.name)
    const outcome = await postLocation(this.#fetch, this.#url, this.#requestInit, { ...update, user, name })
    const isNew = outcome.kind === 'done' && user === undefined && this.#me === undefined
    if (isNew && !(await this.#isIdentified())) this.#user = outcome.user
    return outcome
  }

  /** Whether the server recognizes the collaborator in a request without the field `user`, by its cookie or token. */
  async #isIdentified(): Promise<boolean> {
    const response = await this.#postAlive().catch(() => undefined)
    return response?.status !== 400
  }

  /** `pageshow` fires on every load; only a page from the back/forward cache has lost its stream. */
  readonly #reconnect = (event: Event) => {
    if (event.type === 'pageshow' && !(event as PageTransitionEvent).persisted) return
    this.#stream?.refresh()
    this.#publisher.skipBackoff()
  }

  #onStatus(status: Status, refusal?: Refusal): void {
    if (status === 'live') this.#publisher.skipBackoff()
    this.#options.onStatus?.(status, refusal)
  }

  #onOutcome(outcome: Outcome, latest: boolean): void {
    const before = this.#me
    if (outcome.kind === 'done') {
      this.#me = outcome.user
      if (latest) this.#optimistic.confirm(outcome.id)
      this.#options.onPublished?.()
    } else if (outcome.kind === 'refused') {
      if (latest) {
        this.#optimistic.clear()
        this.#ownUpdate = undefined
      }
      this.#options.onPublished?.(outcome.refusal)
    }
    this.#emitChange(before, this.#me)
    // The server assigns a stream to a collaborator when it opens, so a new identity needs a new stream.
    if (!this.#abortController.signal.aborted && (!this.#stream || before !== this.#me)) this.#openStream()
  }

  #onEvent(event: RoomEvent, id: string): void {
    // An error needs no handling: the client answers the next ping, and without answers the lease expires.
    if (event.type === 'ping') return void this.#postAlive().catch(() => {})
    const changed = fold(this.#locations, event)
    if (event.type === 'location' && event.user === this.#me) {
      this.#optimistic.receive(id)
      this.#adopt(event)
    }
    if (event.type === 'snapshot' || (event.type === 'leave' && event.user === this.#me)) {
      this.#optimistic.skip()
      if (event.type === 'leave' && event.reason === 'left') this.#ownUpdate = undefined
      this.#scheduleRepublish()
    }
    if (changed.size > 0) this.#options.onChange?.(changed)
  }

  /** Takes over a location that another tab or device of the same user has published. */
  #adopt({ x, y, meta }: Location): void {
    if (this.#ownUpdate && !this.#optimistic.pending) this.#ownUpdate = { ...this.#ownUpdate, x, y, meta }
  }

  /** Republishes the user's location if it is missing: the log was lost, or the lease expired during sleep. */
  #scheduleRepublish(): void {
    clearTimeout(this.#republishTimer)
    this.#republishTimer = setTimeout(() => {
      const isPresent = this.#me !== undefined && this.#locations.has(this.#me)
      if (!isPresent && this.#ownUpdate && this.#publisher.idle) this.publish(this.#ownUpdate)
    }, REPUBLISH_DELAY_MS)
  }

  #postAlive(): Promise<Response> {
    return this.#fetch(`${this.#url}/alive`, { ...this.#requestInit, ...json({ user: this.#user }) })
  }

  #emitChange(...users: (string | undefined)[]): void {
    const known = users.filter(user => user !== undefined)
    if (known.length > 0) this.#options.onChange?.(new Set(known))
  }
}
