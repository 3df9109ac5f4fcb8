/**
 * How many rooms one collaborator may be in: counted anew each minute, at this instance.
 */
import { tooMany } from './too-many.ts'

const policy = { name: 'rooms', quota: 1_000, seconds: 60 }

export class RoomCount {
  #rooms = new Map<string, Set<string>>()
  #endsAt = 0

  /** Throws a 429 `Problem` for a room too many; those that were entered stay open to them. */
  enter(user: string, room: string): void {
    const now = performance.now()
    if (now >= this.#endsAt) {
      this.#rooms = new Map()
      this.#endsAt = now + policy.seconds * 1_000
    }
    const rooms = this.#rooms.get(user)
    if (!rooms) this.#rooms.set(user, new Set([room]))
    else if (rooms.size < policy.quota) rooms.add(room)
    else if (!rooms.has(room)) {
      throw tooMany('This collaborator is in too many rooms.', policy, this.#endsAt - now)
    }
  }
}
