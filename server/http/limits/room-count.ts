/**
 * How many rooms a collaborator may enter per minute, on all workers of this address together.
 */
import { type RatePolicy, tooManyRequests } from '../problem.ts'
import { shareOf } from './share.ts'

const quota = 1_000

export class RoomCount {
  readonly #policy: RatePolicy
  #rooms = new Map<string, Set<string>>()
  #endsAt = 0

  constructor(workers: number) {
    this.#policy = { name: 'rooms', quota: shareOf(quota, workers), seconds: 60 }
  }

  /** Throws a 429 `Problem` for one room too many. The rooms that the collaborator entered stay allowed. */
  enter(user: string, room: string): void {
    const policy = this.#policy
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
