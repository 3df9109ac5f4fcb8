/**
 * The requested location of the local collaborator, until it is in the room's log. With it, the collaborator's own
 * marker moves at once and never jumps back.
 *
 * No I/O and no clock. Events arrive in the order of the log. The request ends when its own event or a later one
 * arrives.
 */
import { isAbove } from './event-ids.ts'

export class OptimisticLocation<Wish> {
  /** The requested location; undefined when the log contains it. */
  asked: Wish | undefined
  /** The id of the last move's event, after the server has answered. */
  #awaited: string | undefined
  /** The id of the last event that arrived, of any collaborator. */
  #heard = ''

  ask(wish: Wish): void {
    this.asked = wish
    this.#awaited = undefined
  }

  answered(id: string): void {
    this.#awaited = id
    this.hear(this.#heard)
  }

  /** The answer may come before its event, or after it. */
  hear(id: string): void {
    this.#heard = id
    if (this.#awaited !== undefined && !isAbove(this.#awaited, id)) this.asked = undefined
  }
}
