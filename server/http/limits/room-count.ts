/**
 * How many rooms a collaborator may enter on this instance per minute.
 */
import { tooManyRequests } from '../problem.ts'

const policy = { name: 'rooms', quota: 1_000, seconds: 60 }

export class RoomCount {
  #rooms = new Map<string, Set<string>>()
  #endsAt = 0

  /** Throws a 429 `Problem` for one room too many. The rooms that the collaborator entered stay allowed. */
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
      const detail = `Too many rooms: at most ${policy.quota} per minute for each collaborator.`
      throw tooManyRequests(detail, policy, this.#endsAt - now)
    }
  }
}
