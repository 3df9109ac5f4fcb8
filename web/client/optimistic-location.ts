/**
 * Where I asked to be, until the room's log has it: so that my own marker moves at once and never jumps back.
 *
 * No I/O and no clock. The log is heard in order: what I asked for holds until the event that it became, or one behind it, is heard.
 */
import { isAbove } from './event-ids.ts'

export class OptimisticLocation<Wish> {
  /** Where I asked to be; undefined when the log knows. */
  asked: Wish | undefined
  /** The event that my last move became, once the answer said so. */
  #awaited: string | undefined
  /** The last event of the log that was heard, whosever it is. */
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
