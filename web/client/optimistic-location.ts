/**
 * Where I asked to be, until the room's log has it: so that my own marker moves at once and never jumps back.
 *
 * No I/O and no clock. What I asked for holds until the event that it became is heard, or can't be heard any more.
 */
import { isAbove } from './event-ids.ts'

/** The event of a POST may come before its answer; more of mine than these don't come in between. */
const HEARD_MAX = 32

export class OptimisticLocation<Wish> {
  #asked: Wish | undefined
  /** The event that my last move became, once the answer said so. */
  #awaited: string | undefined
  #heard: string[] = []
  /** The head of a snapshot that came after I asked. */
  #snapshot: string | undefined

  /** Where I asked to be; undefined when the log knows. */
  get asked(): Wish | undefined {
    return this.#asked
  }

  ask(wish: Wish): void {
    this.#asked = wish
    this.#awaited = undefined
    this.#snapshot = undefined
  }

  /** The same wish in other words. */
  rename(wish: Wish): void {
    this.#asked = wish
  }

  answered(id: string): void {
    this.#awaited = id
    const isInSnapshot = this.#snapshot !== undefined && !isAbove(id, this.#snapshot)
    if (isInSnapshot || this.#heard.includes(id)) this.settle()
  }

  hear(id: string): void {
    this.#heard = [...this.#heard, id].slice(-HEARD_MAX)
    // An event above it may stand for it, when a snapshot left it out.
    if (this.#awaited !== undefined && !isAbove(this.#awaited, id)) this.settle()
  }

  /** A snapshot stands for the events up to its id. */
  hearSnapshot(id: string): void {
    this.#snapshot = id
    if (this.#awaited !== undefined && !isAbove(this.#awaited, id)) this.settle()
  }

  settle(): void {
    this.#asked = undefined
    this.#awaited = undefined
  }
}
