/**
 * Follows one room and publishes where I am: the library, for a browser and for Node.
 *
 * Knows nothing of a page. Who is where is what the room's log says; only my own location is where I asked to be, from the
 * moment I ask.
 */

import { fold, type WhoIsWhere } from './fold.ts'
import { Follower, type Status } from './follower.ts'
import { Mover } from './mover.ts'
import { Own } from './own.ts'
import { json, type Outcome, postLocation, type Refusal } from './requests.ts'
import { roomUrl } from './rooms.ts'
import type { Draft, Location, RoomEvent } from './wire.ts'

/** Other tabs of mine that come back at the same time may put me back first. */
const RETURN_MS = 250

export interface ClientOptions {
  room: string
  /** Left out: whoever the token or the cookie names, else an anonymous collaborator. */
  user?: string | undefined
  /**
   * The first location. It is published before the stream opens, so that an anonymous collaborator has the cookie by
   * then and the stream is theirs.
   */
  where?: Draft
  /** The server, without a slash at the end. */
  base?: string
  credentials?: RequestCredentials
  fetch?: typeof globalThis.fetch
  EventSource?: typeof globalThis.EventSource
  /** Whose location is another than before. */
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
  readonly #fetch: typeof globalThis.fetch
  readonly #who: WhoIsWhere = new Map()
  readonly #own = new Own()
  readonly #mover: Mover
  readonly #follower: Follower
  readonly #ending = new AbortController()
  #me: string | undefined
  /** My latest location, to put me back when the log lost it; none when it was refused, or someone took me out. */
  #where: Draft | undefined
  #returning: ReturnType<typeof setTimeout> | undefined
  #opened = false

  constructor(options: ClientOptions) {
    const { room, user, base = '', credentials = 'same-origin' } = options
    this.#options = options
    this.#me = user
    this.#url = roomUrl(base, room)
    this.#init = { credentials, signal: this.#ending.signal }
    this.#fetch = options.fetch ?? globalThis.fetch.bind(globalThis)
    const whose = user === undefined ? '' : `&user=${encodeURIComponent(user)}`
    this.#follower = new Follower({
      url: `${this.#url}/sse?ack=1${whose}`,
      EventSource: options.EventSource ?? globalThis.EventSource,
      fetch: this.#fetch,
      credentials,
      onEvent: (event, id) => this.#take(event, id),
      onStatus: (status, refusal) => this.#tell(status, refusal),
    })
    this.#mover = new Mover({
      send: draft => postLocation(this.#fetch, this.#url, this.#init, draft),
      onOutcome: (outcome, latest) => this.#settle(outcome, latest),
    })
    const { signal } = this.#ending
    globalThis.addEventListener?.('online', this.#refresh, { signal })
    globalThis.addEventListener?.('offline', this.#refresh, { signal })
    globalThis.addEventListener?.('pageshow', this.#refresh, { signal })
    if (options.where) this.publish(options.where)
    else this.#open()
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
  publish(where: Draft): void {
    this.#where = { ...where, user: this.#options.user }
    this.#own.ask(where)
    this.#mover.move(this.#where)
    if (this.#me !== undefined) this.#changed(this.#me)
  }

  close(): void {
    this.#ending.abort()
    this.#follower.close()
    this.#mover.close()
    clearTimeout(this.#returning)
  }

  #open(): void {
    this.#opened = true
    this.#follower.open()
  }

  /** `pageshow` comes on every load too; only a page out of the back/forward cache has lost its stream. */
  readonly #refresh = (event: Event) => {
    if (event.type === 'pageshow' && !(event as PageTransitionEvent).persisted) return
    this.#follower.refresh()
    this.#mover.wake()
  }

  #tell(status: Status, refusal?: Refusal): void {
    if (status === 'live') this.#mover.wake()
    this.#options.onStatus?.(status, refusal)
  }

  #settle(outcome: Outcome, latest: boolean): void {
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
    if (this.#me !== undefined) this.#changed(this.#me)
    if (!this.#opened) this.#open()
  }

  #take(event: RoomEvent, id: string): void {
    if (event.type === 'ping') return void this.#answerPing()
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
      if (!here && this.#where && this.#mover.idle) this.publish(this.#where)
    }, RETURN_MS)
  }

  /** Unanswered, the lease runs out; nobody is helped by an error here. */
  async #answerPing(): Promise<void> {
    const body = { user: this.#options.user }
    await this.#fetch(`${this.#url}/alive`, { ...this.#init, ...json(body) }).catch(() => {})
  }

  #changed(user: string): void {
    this.#options.onChange?.(new Set([user]))
  }
}
