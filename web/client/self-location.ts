/**
 * My own location: where I asked to be until the log has it, then what the log says. No I/O.
 */
import type { LocationUpdate } from '../wire.ts'
import { OptimisticLocation } from './optimistic-location.ts'
import { isSamePlace, type Place } from './room-state.ts'
import type { Collaborator, Move } from './types.ts'

/** The server derives a colour from the user id; until it told which, mine is grey. */
const UNKNOWN_COLOR = '#808080'

export interface Identity {
  name?: string | undefined
  color?: string | undefined
}

export class SelfLocation<Meta extends object> {
  readonly #optimistic = new OptimisticLocation<Collaborator<Meta>>()
  readonly #identity: Identity
  /** Where I want to be, to put me back when the log lost me. None while I only watch. */
  #wish: Place | undefined

  constructor(identity: Identity) {
    this.#identity = identity
  }

  get wish(): Place | undefined {
    return this.#wish
  }

  /** What I see of myself; `logged` is what the log has. */
  shown(logged: Collaborator<Meta> | undefined): Collaborator<Meta> | undefined {
    return this.#optimistic.asked ?? logged
  }

  /** Returns whether I asked for something new. Throws a `TypeError` for a first move without `x` or `y`. */
  move({ x, y, meta }: Move<Meta>, user: string | undefined, logged: Collaborator<Meta> | undefined): boolean {
    const from = this.#wish ?? this.shown(logged)
    const place = { x: x ?? from?.x, y: y ?? from?.y, meta: meta === undefined ? from?.meta : (meta ?? undefined) }
    if (place.x === undefined || place.y === undefined) throw new TypeError('The first move needs both x and y.')
    if (this.#wish && isSamePlace(this.#wish, place as Place)) return false
    this.#ask(place as Place, user, logged)
    return true
  }

  /** Returns whether a location must be published: I have one, and another name or colour. */
  update({ name, color }: Identity, user: string | undefined, logged: Collaborator<Meta> | undefined): boolean {
    const { name: oldName, color: oldColor } = this.#identity
    this.#identity.name = name ?? oldName
    this.#identity.color = color ?? oldColor
    const isSame = this.#identity.name === oldName && this.#identity.color === oldColor
    if (isSame || !this.#wish) return false
    this.#ask(this.#wish, user, logged)
    return true
  }

  /** I am asked to be where I was: the log lost me. */
  restore(user: string | undefined): void {
    if (this.#wish) this.#ask(this.#wish, user, undefined)
  }

  /** The server told who I am. */
  identify(user: string): void {
    const asked = this.#optimistic.asked
    if (asked) this.#optimistic.rename({ ...asked, user, name: asked.name || user })
  }

  /** What a POST says. */
  draft(): LocationUpdate {
    const { x = 0, y = 0, meta } = this.#wish ?? {}
    return { ...this.#identity, x, y, ...(meta && { meta: meta as Record<string, unknown> }) }
  }

  answered(id: string): void {
    this.#optimistic.answered(id)
  }

  /** The server refused my latest move, or another client removed me: the log decides where I am. */
  giveUp(logged: Collaborator<Meta> | undefined): void {
    this.#optimistic.settle()
    this.#wish = logged && { x: logged.x, y: logged.y, meta: logged.meta }
  }

  /** An event of mine: without a newer wish, another tab or device may have moved me. */
  hear(id: string, logged: Collaborator<Meta>): void {
    this.#optimistic.hear(id)
    this.#followLog(logged)
  }

  hearSnapshot(id: string, logged: Collaborator<Meta> | undefined): void {
    this.#optimistic.hearSnapshot(id)
    if (logged) this.#followLog(logged)
  }

  #followLog({ x, y, meta }: Collaborator<Meta>): void {
    if (this.#wish && !this.#optimistic.asked) this.#wish = { x, y, meta }
  }

  #ask(place: Place, user = '', logged: Collaborator<Meta> | undefined): void {
    this.#wish = place
    const known = this.shown(logged)
    const { name = known?.name || user, color = known?.color ?? UNKNOWN_COLOR } = this.#identity
    const { x, y, meta } = place
    this.#optimistic.ask({ user, name, color, x, y, ...(meta && { meta: meta as Meta }), at: Date.now() })
  }
}
