/**
 * Me in the room: who I am, where I want to be, and that the room's log says so.
 */
import type { LocationUpdate } from '../wire.ts'
import type { Entry } from './entries.ts'
import type { ColocateError } from './errors.ts'
import { LocationPublisher } from './location-publisher.ts'
import { type Outcome, postLocation } from './publish.ts'
import { aborted, json, type Requests, withTimeout } from './requests.ts'
import { SelfLocation } from './self-location.ts'
import type { Collaborator, Move, RoomOptions } from './types.ts'

/** Another tab of mine may put me back first. */
const RETURN_MS = 100
const PROBE_MS = 5_000
/** How long leaving waits for a move in flight. */
const LANDING_MS = 5_000

export interface SelfPresenceOptions<Meta extends object> {
  options: RoomOptions<Meta>
  requests: Requests
  /** Resolves when requests may be sent: with the room's URL, or with the error that forbids them for good. */
  started: Promise<string | ColocateError>
  /** The collaborator's location in the log. */
  logged(user: string): Collaborator<Meta> | undefined
  /** Something about me changed: `isAnother` when I became a collaborator, or turned out to be one. */
  onChange(isAnother: boolean): void
  onRefused(error: ColocateError): void
}

export class SelfPresence<Meta extends object> {
  readonly #context: SelfPresenceOptions<Meta>
  readonly #location: SelfLocation<Meta>
  readonly #publisher: LocationPublisher
  #user: string | undefined
  /** Whom requests name; undefined when the token or the cookie says who I am. */
  #named: string | undefined
  #hasPublished = false
  #returning: ReturnType<typeof setTimeout> | undefined
  #isClosed = false

  constructor(context: SelfPresenceOptions<Meta>) {
    const { user, name, color, movesPerSecond = 20 } = context.options
    this.#context = context
    this.#user = user
    this.#named = user
    this.#location = new SelfLocation({ name, color })
    this.#publisher = new LocationPublisher({
      movesPerSecond,
      send: (update, signal) => this.#send(update, signal),
      onOutcome: (outcome, isLatest) => this.#settle(outcome, isLatest),
    })
  }

  get user(): string | undefined {
    return this.#user
  }

  get named(): string | undefined {
    return this.#named
  }

  get shown(): Collaborator<Meta> | undefined {
    return this.#location.shown(this.#logged())
  }

  /** Whether the room's log may have a location of mine. */
  get isPresent(): boolean {
    return this.#hasPublished || this.#logged() !== undefined
  }

  move(move: Move<Meta>): void {
    if (this.#location.move(move, this.#user, this.#logged())) this.#publish()
  }

  update(identity: { name?: string | undefined; color?: string | undefined }): void {
    if (this.#location.update(identity, this.#user, this.#logged())) this.#publish()
  }

  settled = () => this.#publisher.settled()
  wake = () => this.#publisher.wake()

  /** The token, or the server's answer, says who I am. */
  identify(user: string | undefined): boolean {
    if (user === undefined || user === this.#user) return false
    this.#user = user
    this.#location.identify(user)
    return true
  }

  /** Takes an entry of the log, after the room's state did. */
  hear({ id, event }: Entry): void {
    const logged = this.#logged()
    if (event.type === 'snapshot') this.#location.hearSnapshot(id, logged)
    else if (!('user' in event) || event.user !== this.#user) return
    if (event.type === 'location' && logged) this.#location.hear(id, logged)
    // Another client removed me: from now on I watch.
    if (event.type === 'leave' && event.reason === 'left') this.#location.giveUp(undefined)
    if (!logged) this.#returnSoon()
  }

  /** Sends nothing more. Resolves when no request is in flight, or after 5 seconds. */
  close(): Promise<unknown> {
    this.#isClosed = true
    clearTimeout(this.#returning)
    const landed = this.#publisher.close()
    return withTimeout(LANDING_MS, undefined, signal => Promise.race([landed, aborted(signal)]))
  }

  #logged = () => (this.#user === undefined ? undefined : this.#context.logged(this.#user))

  #publish(): void {
    this.#publisher.publish(this.#location.draft())
    this.#context.onChange(false)
  }

  async #send(update: LocationUpdate, signal: AbortSignal): Promise<Outcome> {
    const { options, requests, started } = this.#context
    const url = await started
    if (typeof url !== 'string') return { kind: 'refused', error: url }
    if (this.#isClosed && !this.#hasPublished) return { kind: 'later', afterMs: 0 }
    this.#hasPublished = true
    // What an anonymous collaborator is called, the server said.
    const name = update.name ?? (this.#named === options.user ? undefined : this.#logged()?.name)
    const outcome = await postLocation(requests, url, signal, { ...update, user: this.#named, name })
    const isNew = outcome.kind === 'done' && this.#user === undefined && !this.#isClosed
    if (isNew && !(await this.#isKnown(url, signal))) this.#named = outcome.user
    return outcome
  }

  /** Whether requests without a user are mine: by the cookie, which only a browser keeps. */
  async #isKnown(url: string, signal: AbortSignal): Promise<boolean> {
    const { requests } = this.#context
    const send = (signal: AbortSignal) => requests.send(`${url}/alive`, { ...json({}), signal })
    const answer = await withTimeout(PROBE_MS, signal, send).catch(() => undefined)
    return answer?.status !== 400
  }

  #settle(outcome: Outcome, isLatest: boolean): void {
    if (outcome.kind === 'later') return
    const isAnother = outcome.kind === 'done' && this.identify(outcome.user)
    if (outcome.kind === 'done') {
      if (isLatest) this.#location.answered(outcome.id)
    } else {
      if (isLatest) this.#location.giveUp(this.#logged())
      this.#context.onRefused(outcome.error)
    }
    this.#context.onChange(isAnother)
  }

  /** A log that was lost, or a lease that ran out while this computer slept, took me out of a room that I am still in. */
  #returnSoon(): void {
    clearTimeout(this.#returning)
    if (this.#isClosed || !this.#location.wish) return
    const waitMs = RETURN_MS * (1 + Math.random())
    this.#returning = setTimeout(() => {
      if (this.#logged() || !this.#location.wish || !this.#publisher.isIdle) return
      this.#location.restore(this.#user)
      this.#publish()
    }, waitMs)
  }
}
