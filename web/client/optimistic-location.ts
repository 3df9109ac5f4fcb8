/**
 * The location that the client requested and that the room's log does not have yet. The client shows it immediately, so
 * its own marker never jumps back to an older location.
 *
 * No I/O and no clock. Invariant: the requested location is pending until the client receives the event that its POST
 * created, or can no longer receive it.
 */
import type { Location } from '../wire.ts'

type Coordinates = Pick<Location, 'x' | 'y'>

/** The event of a POST may arrive before its response. At most this many of the user's events arrive in between. */
const RECEIVED_MAX = 32

export class OptimisticLocation {
  #pending: Coordinates | undefined
  /** The id of the event that the latest request created; known once the response has arrived. */
  #awaitedId: string | undefined
  #receivedIds: string[] = []
  #hasSkipped = false

  /** The requested location; undefined when the log's location is the current one. */
  get pending(): Coordinates | undefined {
    return this.#pending
  }

  request({ x, y }: Coordinates): void {
    this.#pending = { x, y }
    this.#awaitedId = undefined
    this.#hasSkipped = false
  }

  /** The server has answered the latest request: its event has this id. */
  confirm(id: string): void {
    this.#awaitedId = id
    if (this.#hasSkipped || this.#receivedIds.includes(id)) this.clear()
  }

  /** One of the user's events has arrived. */
  receive(id: string): void {
    this.#receivedIds = [...this.#receivedIds, id].slice(-RECEIVED_MAX)
    if (id === this.#awaitedId) this.clear()
  }

  /** A snapshot or a leave has arrived: it may replace the awaited event, which then never arrives. */
  skip(): void {
    this.#hasSkipped = true
    if (this.#awaitedId !== undefined) this.clear()
  }

  clear(): void {
    this.#pending = undefined
    this.#awaitedId = undefined
  }
}
