/**
 * Where I asked to be, until the room's log has it: so that my own marker is there at once and never jumps back.
 *
 * No I/O and no clock. Invariant: what I asked for holds until the very event it became is heard, or can't be heard any more.
 */
import type { Location } from '../wire.ts'

type Place = Pick<Location, 'x' | 'y'>

/** The echo of a POST may come before its answer; more of mine than this don't come in between. */
const HEARD_MAX = 32

export class OptimisticLocation {
  #asked: Place | undefined
  /** The event that my last move became, once the answer told. */
  #awaited: string | undefined
  #heard: string[] = []
  #missed = false

  /** Where I asked to be; undefined when the log knows better. */
  get asked(): Place | undefined {
    return this.#asked
  }

  ask({ x, y }: Place): void {
    this.#asked = { x, y }
    this.#awaited = undefined
    this.#missed = false
  }

  answered(id: string): void {
    this.#awaited = id
    if (this.#missed || this.#heard.includes(id)) this.settle()
  }

  hear(id: string): void {
    this.#heard = [...this.#heard, id].slice(-HEARD_MAX)
    if (id === this.#awaited) this.settle()
  }

  /** A snapshot or a leave stands for events that don't come one by one. */
  miss(): void {
    this.#missed = true
    if (this.#awaited !== undefined) this.settle()
  }

  settle(): void {
    this.#asked = undefined
    this.#awaited = undefined
  }
}
