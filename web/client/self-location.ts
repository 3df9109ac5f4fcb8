/**
 * My own location: where I asked to be until the log has it, then what the log says. No I/O.
 */
import type { LocationUpdate } from '../wire.ts'
import type { Entry } from './entries.ts'
import { OptimisticLocation } from './optimistic-location.ts'
import { isSamePlace, type Place } from './room-state.ts'
import type { Collaborator, Move } from './types.ts'

/** The server derives a colour from the user id; until it told which, mine is grey. */
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
  /** Where I was last; a move keeps what it leaves out. */
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

  /** What I see of myself. */
  get shown(): Collaborator<Meta> | undefined {
    return this.#optimistic.asked ?? this.logged
  }

  /** I want to be in the room, and the log does not have me, or not my latest move. */
  get isMissing(): boolean {
    return this.#isWanted && (!this.logged || this.#optimistic.asked !== undefined)
  }

  /** Returns whether I asked for something new. Throws a `TypeError` for a first move without `x` or `y`. */
  move({ x = this.#place?.x, y = this.#place?.y, meta = this.#place?.meta as Meta }: Move<Meta>): boolean {
    if (x === undefined || y === undefined) throw new TypeError('The first move needs both x and y.')
    const place = { x, y, meta }
    if (this.#isWanted && this.#place && isSamePlace(this.#place, place)) return false
    this.#ask(place)
    return true
  }

  /** Returns whether a location must be published: I have one, and another name or colour. */
  update({ name = this.#identity.name, color = this.#identity.color }: Identity): boolean {
    const isSame = this.#identity.name === name && this.#identity.color === color
    Object.assign(this.#identity, { name, color })
    return !isSame && this.shown !== undefined && this.restore()
  }

  /** I am asked to be where I was. */
  restore(): boolean {
    if (this.#place) this.#ask(this.#place)
    return this.#place !== undefined
  }

  /** The token or the server told who I am. */
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

  /** The server refused my latest move, or another client removed me: the log decides whether I am here, and where. */
  giveUp(): void {
    this.#optimistic.asked = undefined
    this.#isWanted = this.logged !== undefined
    this.#place = this.logged ?? this.#place
  }

  /** Takes an entry of the log, after the room's state did. Another tab or device may have moved me. */
  hear({ id, event }: Entry): void {
    const { logged } = this
    this.#optimistic.hear(id)
    if (event.type === 'leave' && event.user === this.user && event.reason === 'left') this.giveUp()
    if (!logged) return
    // A log that went back, as a store's replica may, has lost my latest move.
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
