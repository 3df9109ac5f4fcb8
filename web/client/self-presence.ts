/**
 * Me in the room: who I am, where I want to be, and that the room's log says so.
 */
import type { LocationUpdate } from '../wire.ts'
import type { Entry } from './entries.ts'
import type { ColocateError } from './errors.ts'
import { LocationPublisher } from './location-publisher.ts'
import { type Outcome, postLocation } from './publish.ts'
import type { Requests } from './requests.ts'
import { SelfLocation } from './self-location.ts'
import type { Collaborator, Move, RoomOptions } from './types.ts'
import { untilAborted } from './until-aborted.ts'

/** Another tab of mine may put me back first. */
const RETURN_MS = 100
/** How long leaving waits for a move in flight. */
const LANDING_MS = 5_000

export interface SelfPresenceOptions<Meta extends object> {
  options: RoomOptions<Meta>
  requests: Requests
  /** Resolves when requests may be sent: with the room's URL, or with the error that forbids them for good. */
  started: Promise<string | ColocateError>
  /** The collaborator's location in the log. */
  find(user: string): Collaborator<Meta> | undefined
  /** Where I am, or who I am, has changed. */
  onChange(): void
  /** False: I am about to become a collaborator whose id only the server knows. True: what became of that is known. */
  onIdentity(isKnown: boolean): void
  onRefused(error: ColocateError): void
}

export class SelfPresence<Meta extends object> {
  readonly #context: SelfPresenceOptions<Meta>
  readonly location: SelfLocation<Meta>
  readonly #publisher: LocationPublisher
  /** Whom requests name; undefined when the token or the cookie says who I am. */
  named: string | undefined
  #hasPublished = false
  #returning: ReturnType<typeof setTimeout> | undefined
  #isClosed = false

  constructor(context: SelfPresenceOptions<Meta>) {
    const { user, name, color, movesPerSecond = 20 } = context.options
    this.#context = context
    this.named = user
    this.location = new SelfLocation({ user, name, color }, context.find)
    this.#publisher = new LocationPublisher({
      movesPerSecond,
      send: (update, signal) => this.#send(update, signal),
      onOutcome: (outcome, isLatest) => this.#settle(outcome, isLatest),
    })
  }

  /** My id, if the room's log may have a location of mine. */
  get present(): string | undefined {
    return this.#hasPublished || this.location.logged ? this.location.user : undefined
  }

  move(move: Move<Meta>): void {
    if (this.location.move(move)) this.#publish()
  }

  update(change: { name?: string | undefined; color?: string | undefined }): void {
    if (this.location.update(change)) this.#publish()
  }

  settled = () => this.#publisher.settled()
  wake = () => this.#publisher.wake()

  /** The token, or the server's answer, says who I am. Returns whether that is news. */
  identify(user: string | undefined): boolean {
    if (user === undefined || user === this.location.user) return false
    this.location.identify(user)
    return true
  }

  /** Takes an entry of the log, after the room's state did. */
  hear(entry: Entry): void {
    const { event } = entry
    this.location.hear(entry)
    if (event.type === 'snapshot' || (event.type === 'leave' && event.user === this.location.user)) this.#returnSoon()
  }

  /** Sends nothing more. Resolves when no request is in flight, or after 5 seconds. */
  close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#returning)
    return untilAborted(undefined, () => this.#publisher.close(), LANDING_MS).catch(() => {})
  }

  #publish(): void {
    this.#publisher.publish(this.location.draft())
    this.#context.onChange()
  }

  async #send(update: LocationUpdate, signal: AbortSignal): Promise<Outcome> {
    const { options, requests, started, onIdentity } = this.#context
    const url = await started
    if (typeof url !== 'string') return { kind: 'refused', error: url }
    const isAnonymous = this.named !== options.user
    // What an anonymous collaborator is called, the server decides, and the log says.
    const name = update.name ?? (isAnonymous ? this.location.logged?.name : undefined)
    const isNotNamed = isAnonymous && name === undefined
    if (isNotNamed || (this.#isClosed && !this.#hasPublished)) return { kind: 'later', afterMs: 0 }
    const isUnknown = this.location.user === undefined
    if (isUnknown) onIdentity(false)
    this.#hasPublished = true
    const outcome = await postLocation(requests, url, signal, { ...update, user: this.named, name })
    // The cookie that says who I am may be blocked, and Node.js keeps none.
    if (isUnknown && outcome.kind === 'done' && options.token === undefined) this.named = outcome.user
    return outcome
  }

  #settle(outcome: Outcome, isLatest: boolean): void {
    const { onChange, onIdentity, onRefused } = this.#context
    let isAnother = this.location.user === undefined
    if (outcome.kind === 'done') {
      isAnother = this.identify(outcome.user)
      if (isLatest) this.location.answered(outcome.id)
    } else if (outcome.kind === 'refused') {
      if (isLatest) this.location.giveUp()
      onRefused(outcome.error)
    }
    onChange()
    if (isAnother) onIdentity(true)
  }

  /** A log that was lost, or a lease that ran out while this computer slept, took me out of a room that I am still in. */
  #returnSoon(): void {
    clearTimeout(this.#returning)
    if (this.#isClosed || !this.location.isMissing) return
    const waitMs = RETURN_MS * (1 + Math.random())
    this.#returning = setTimeout(() => {
      if (this.location.isMissing && this.#publisher.isIdle && this.location.restore()) this.#publish()
    }, waitMs)
  }
}
