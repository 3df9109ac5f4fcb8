/**
 * The location of the local collaborator: the requested location until the log contains it, then the location in the
 * log. No I/O.
 */
import type { LocationUpdate } from '../wire.ts'
import type { Entry } from './entries.ts'
import { OptimisticLocation } from './optimistic-location.ts'
import { isSamePlace, type Place } from './room-state.ts'
import type { Collaborator, Move } from './types.ts'

/** The server derives a color from the user id. Until the client receives it, the collaborator is grey. */
const UNKNOWN_COLOR = '#808080'

export interface Identity {
  user?: string | undefined
  name?: string | undefined
  color?: string | undefined
}

export class SelfLocation<Meta extends object> {
  readonly #optimistic = new OptimisticLocation<Collaborator<Meta>>()
  readonly #identity: Identity
  readonly #find: (user: string) => Collaborator<Meta> | undefined
  /** The last place. A move keeps the fields that it leaves out. */
  #place: Place | undefined
  #isWanted = false
  #loggedAt = 0

  /** `find` returns a collaborator's location in the log. */
  constructor(identity: Identity, find: (user: string) => Collaborator<Meta> | undefined) {
    this.#identity = identity
    this.#find = find
  }

  get user(): string | undefined {
    return this.#identity.user
  }

  get logged(): Collaborator<Meta> | undefined {
    return this.user === undefined ? undefined : this.#find(this.user)
  }

  /** The local collaborator as the page shows it. */
  get shown(): Collaborator<Meta> | undefined {
    return this.#optimistic.asked ?? this.logged
  }

  /** Whether the collaborator should be in the room, but the log lacks the location or the latest move. */
  get isMissing(): boolean {
    return this.#isWanted && (!this.logged || this.#optimistic.asked !== undefined)
  }

  /** Returns whether the move changes anything. Throws a `TypeError` for a first move without `x` or `y`. */
  move({ x = this.#place?.x, y = this.#place?.y, meta = this.#place?.meta as Meta }: Move<Meta>): boolean {
    if (x === undefined || y === undefined) throw new TypeError('The first move needs both x and y.')
    const place = { x, y, meta }
    if (this.#isWanted && this.#place && isSamePlace(this.#place, place)) return false
    this.#ask(place)
    return true
  }

  /** Returns whether a location must be published: there is one, and its name or color has changed. */
  update({ name = this.#identity.name, color = this.#identity.color }: Identity): boolean {
    const isSame = this.#identity.name === name && this.#identity.color === color
    Object.assign(this.#identity, { name, color })
    return !isSame && this.shown !== undefined && this.restore()
  }

  /** Requests the last place again. Returns whether there is one. */
  restore(): boolean {
    if (this.#place) this.#ask(this.#place)
    return this.#place !== undefined
  }

  /** Call when the token or the server has told the user id. */
  identify(user: string): void {
    this.#identity.user = user
    const { asked } = this.#optimistic
    if (asked) this.#optimistic.asked = { ...asked, user, name: asked.name || user }
  }

  /** What a POST says. */
  draft(): LocationUpdate {
    const { x = 0, y = 0, meta } = this.#place ?? {}
    return { ...this.#identity, x, y, ...(meta && { meta: meta as Record<string, unknown> }) }
  }

  answered(id: string): void {
    this.#optimistic.answered(id)
  }

  /**
   * Call after the server refused the latest move, or another client removed the collaborator. The location in the log
   * then applies.
   */
  giveUp(): void {
    this.#optimistic.asked = undefined
    this.#isWanted = this.logged !== undefined
    this.#place = this.logged ?? this.#place
  }

  /** Takes an entry of the log, after the room's state has. Another tab or device may have moved the collaborator. */
  hear({ id, event }: Entry): void {
    const { logged } = this
    this.#optimistic.hear(id)
    if (event.type === 'leave' && event.user === this.user && event.reason === 'left') this.giveUp()
    if (!logged) return
    // After a failover to a replica that lacks the last events, the log has lost the latest move.
    if (logged.at < this.#loggedAt && this.#isWanted) this.restore()
    this.#loggedAt = logged.at
    if (!this.#optimistic.asked) this.#place = logged
  }

  #ask(place: Place): void {
    const { user = '', shown } = this
    const { name = shown?.name || user, color = shown?.color ?? UNKNOWN_COLOR } = this.#identity
    const { x, y, meta } = place
    this.#place = place
    this.#isWanted = true
    this.#optimistic.ask({ user, name, color, x, y, ...(meta && { meta: meta as Meta }), at: Date.now() })
  }
}
