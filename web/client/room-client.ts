/**
 * Follows one room and publishes where I am: the library, for a browser and for Node.
 *
 * Knows nothing of a page. Who is where is what the room's log says; only my own location is where I asked to be, from the
 * moment I ask.
 */

import type { Location, LocationUpdate, RoomEvent } from '../wire.ts'
import { EventStreamConnection, type Status } from './event-stream-connection.ts'
import { fold, type WhoIsWhere } from './fold.ts'
import { LocationPublisher } from './location-publisher.ts'
import { OptimisticLocation } from './optimistic-location.ts'
import { json, type Outcome, postLocation, type Refusal } from './requests.ts'
import { roomUrl } from './room-url.ts'

/** Other tabs of mine that come back at the same time may put me back first. */
const RETURN_MS = 250
/**
 * An answer that takes so long may wait for a connection: over HTTP/1.1 a browser has six to a host, and the streams of
 * six tabs hold them all.
 */
const PATIENCE_MS = 5_000

export interface ClientOptions {
  room: string
  /** Left out: whoever the token or the cookie names, else an anonymous collaborator, who names itself where no cookie is kept. */
  user?: string | undefined
  /**
   * The first location. It is published before the stream opens, so that an anonymous collaborator has the cookie by
   * then and the stream is theirs.
   */
  where?: LocationUpdate
  /** The server, without a slash at the end. */
  base?: string
  credentials?: RequestCredentials
  fetch?: typeof globalThis.fetch
  EventSource?: typeof globalThis.EventSource
  /** Whose location is another than before. None of these is called before the constructor returned. */
  onChange?(users: ReadonlySet<string>): void
  /** `offline` is for good: `refusal` says why. */
  onStatus?(status: Status, refusal?: Refusal): void
  /** What became of my last move: nothing when it is in the log. */
  onPublished?(refusal?: Refusal): void
}

export class Client {
  readonly #options: ClientOptions
  readonly #url: string
  readonly #init: RequestInit
  readonly #who: WhoIsWhere = new Map()
  readonly #own = new OptimisticLocation()
  readonly #publisher: LocationPublisher
  readonly #ending = new AbortController()
  #stream: EventStreamConnection | undefined
  /** Whom my requests name. */
  #user: string | undefined
  #me: string | undefined
  /** My latest location, to put me back when the log lost it; none when it was refused, or someone took me out. */
  #where: LocationUpdate | undefined
  #returning: ReturnType<typeof setTimeout> | undefined

  /** Throws a `RangeError` for a room that no URL can carry, and a `TypeError` where there is no `EventSource`. */
  constructor(options: ClientOptions) {
    const { room, user, where, base = '', credentials = 'same-origin' } = options
    this.#options = options
    this.#user = user
    this.#me = user
    this.#url = roomUrl(base, room)
    if (!options.EventSource && !globalThis.EventSource) throw new TypeError('there is no EventSource here; pass one')
    const { signal } = this.#ending
    this.#init = { credentials, signal }
    this.#publisher = new LocationPublisher({
      send: draft => this.#post(draft),
      onOutcome: (outcome, latest) => this.#settle(outcome, latest),
    })
    globalThis.addEventListener?.('online', this.#refresh, { signal })
    globalThis.addEventListener?.('offline', this.#refresh, { signal })
    globalThis.addEventListener?.('pageshow', this.#refresh, { signal })
    // A page that is kept for the way back would hold its stream, and me in the room.
    globalThis.addEventListener?.('pagehide', () => this.#stream?.pause(), { signal })
    queueMicrotask(() => {
      if (signal.aborted) return
      if (!where) this.#open()
      else if (!this.#where) this.publish(where)
    })
  }

  /** My collaborator's name for the server; an anonymous one has it after the first answer. */
  get me(): string | undefined {
    return this.#me
  }

  users(): Iterable<string> {
    return this.#who.keys()
  }

  where(user: string): Location | undefined {
    const location = this.#who.get(user)
    return location && user === this.#me ? { ...location, ...this.#own.asked } : location
  }

  /** Moves me. Returns at once; of moves that come faster than they can be published, the latest is. */
  publish(where: LocationUpdate): void {
    this.#where = where
    this.#own.ask(where)
    this.#publisher.move(where)
    this.#changed(this.#me)
  }

  close(): void {
    this.#ending.abort()
    this.#stream?.close()
    this.#publisher.close()
    clearTimeout(this.#returning)
  }

  #open(): void {
    const { EventSource = globalThis.EventSource, credentials = 'same-origin' } = this.#options
    const whose = this.#user === undefined ? '' : `&user=${encodeURIComponent(this.#user)}`
    this.#stream?.close()
    this.#stream = new EventStreamConnection({
      url: `${this.#url}/sse?ack=1${whose}`,
      EventSource,
      fetch: this.#fetch,
      credentials,
      onEvent: (event, id) => this.#take(event, id),
      onStatus: (status, refusal) => this.#tell(status, refusal),
    })
    this.#stream.open()
  }

  /** The stream lets go of its connection, and comes back after whoever waits for one. */
  readonly #fetch: typeof globalThis.fetch = async (input, init) => {
    const { fetch = globalThis.fetch } = this.#options
    const timer = setTimeout(() => this.#stream?.refresh(), PATIENCE_MS)
    try {
      return await fetch(input, init)
    } finally {
      clearTimeout(timer)
    }
  }

  async #post(draft: LocationUpdate): Promise<Outcome> {
    const user = this.#user
    // What an anonymous collaborator is called, the server said.
    const name = draft.name ?? (user === this.#options.user ? undefined : this.#who.get(user ?? '')?.name)
    const outcome = await postLocation(this.#fetch, this.#url, this.#init, { ...draft, user, name })
    const isNew = outcome.kind === 'done' && user === undefined && this.#me === undefined
    if (isNew && !(await this.#isKnown())) this.#user = outcome.user
    return outcome
  }

  /** Whether who I am came back with a request that does not say it. */
  async #isKnown(): Promise<boolean> {
    const answer = await this.#alive().catch(() => undefined)
    return answer?.status !== 400
  }

  /** `pageshow` comes on every load too; only a page out of the back/forward cache has lost its stream. */
  readonly #refresh = (event: Event) => {
    if (event.type === 'pageshow' && !(event as PageTransitionEvent).persisted) return
    this.#stream?.refresh()
    this.#publisher.wake()
  }

  #tell(status: Status, refusal?: Refusal): void {
    if (status === 'live') this.#publisher.wake()
    this.#options.onStatus?.(status, refusal)
  }

  #settle(outcome: Outcome, latest: boolean): void {
    const before = this.#me
    if (outcome.kind === 'done') {
      this.#me = outcome.user
      if (latest) this.#own.answered(outcome.id)
      this.#options.onPublished?.()
    } else if (outcome.kind === 'refused') {
      if (latest) {
        this.#own.settle()
        this.#where = undefined
      }
      this.#options.onPublished?.(outcome.refusal)
    }
    this.#changed(before, this.#me)
    // The stream of an onlooker who is somebody now is nobody's.
    if (!this.#ending.signal.aborted && (!this.#stream || before !== this.#me)) this.#open()
  }

  #take(event: RoomEvent, id: string): void {
    // Unanswered, the lease runs out; nobody is helped by an error here.
    if (event.type === 'ping') return void this.#alive().catch(() => {})
    const touched = fold(this.#who, event)
    if (event.type === 'location' && event.user === this.#me) {
      this.#own.hear(id)
      this.#remember(event)
    }
    if (event.type === 'snapshot' || (event.type === 'leave' && event.user === this.#me)) {
      this.#own.miss()
      if (event.type === 'leave' && event.reason === 'left') this.#where = undefined
      this.#returnSoon()
    }
    if (touched.size > 0) this.#options.onChange?.(touched)
  }

  /** Another tab of mine may have moved me. */
  #remember({ x, y, meta }: Location): void {
    if (this.#where && !this.#own.asked) this.#where = { ...this.#where, x, y, meta }
  }

  /** A log that was lost, or a lease that ran out while this computer slept, took me out of a room that I am still in. */
  #returnSoon(): void {
    clearTimeout(this.#returning)
    this.#returning = setTimeout(() => {
      const here = this.#me !== undefined && this.#who.has(this.#me)
      if (!here && this.#where && this.#publisher.idle) this.publish(this.#where)
    }, RETURN_MS)
  }

  #alive(): Promise<Response> {
    return this.#fetch(`${this.#url}/alive`, { ...this.#init, ...json({ user: this.#user }) })
  }

  #changed(...users: (string | undefined)[]): void {
    const known = users.filter(user => user !== undefined)
    if (known.length > 0) this.#options.onChange?.(new Set(known))
  }
}
