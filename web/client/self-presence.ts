/**
 * The presence of the local collaborator: the identity, the requested location, and its publication to the room's log.
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

/** The delay before a location is restored. Another tab of the collaborator may restore it first. */
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
  /** Called when the location or the identity has changed. */
  onChange(): void
  /** Called with false before a POST whose answer tells the collaborator's id, and with true after the answer. */
  onIdentity(isKnown: boolean): void
  onRefused(error: ColocateError): void
}

export class SelfPresence<Meta extends object> {
  readonly #context: SelfPresenceOptions<Meta>
  readonly location: SelfLocation<Meta>
  readonly #publisher: LocationPublisher
  /** The user that requests name. Undefined when the token or the cookie identifies the collaborator. */
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

  /** The collaborator's id, if the room's log may contain their location. */
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

  /** Takes the user id from the token or from the server's answer. Returns whether it is new. */
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
    // The server chooses the name of an anonymous collaborator, and the log contains it.
    const name = update.name ?? (isAnonymous ? this.location.logged?.name : undefined)
    const isNotNamed = isAnonymous && name === undefined
    if (isNotNamed || (this.#isClosed && !this.#hasPublished)) return { kind: 'later', afterMs: 0 }
    const isUnknown = this.location.user === undefined
    if (isUnknown) onIdentity(false)
    this.#hasPublished = true
    const outcome = await postLocation(requests, url, signal, { ...update, user: this.named, name })
    // The browser may block the cookie that identifies the collaborator, and Node.js stores no cookies.
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

  /**
   * Publishes the location again if the log was lost, or if the lease ended while the computer slept, although the
   * collaborator has not left.
   */
  #returnSoon(): void {
    clearTimeout(this.#returning)
    if (this.#isClosed || !this.location.isMissing) return
    const waitMs = RETURN_MS * (1 + Math.random())
    this.#returning = setTimeout(() => {
      if (this.location.isMissing && this.#publisher.isIdle && this.location.restore()) this.#publish()
    }, waitMs)
  }
}
