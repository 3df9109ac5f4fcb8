/**
 * What can be done to rooms. The HTTP handlers and the library's own methods call the same functions.
 */
import { type Broker, beginning, type Draft } from '../broker/broker.ts'
import type { Caller } from '../http/access/caller.ts'
import type { PostRate } from '../http/limits/post-rate.ts'
import type { RoomCount } from '../http/limits/room-count.ts'
import { Problem } from '../http/problem.ts'
import { storedOf } from './location.ts'
import type { PublishedLocation } from './requests.ts'
import type { RoomLists } from './room-lists.ts'

/** The answer to a location: its event's id, or the id of the newer event that makes it stale. */
export interface Published {
  id: string
  user: string
  stale?: true
}

export interface RoomsOptions {
  broker: Broker
  lists: RoomLists
  /** How many collaborators a room holds. */
  roomSize: number
  posts: PostRate
  entered: RoomCount
}

export class Rooms {
  readonly #options: RoomsOptions

  constructor(options: RoomsOptions) {
    this.#options = options
  }

  /** Counts a publish towards the rates of these collaborators. Rejects with a 429 `Problem`. */
  async count(room: string, users: Iterable<string>): Promise<void> {
    const { entered, posts } = this.#options
    const different = new Set(users)
    for (const user of different) entered.enter(user, room)
    await Promise.all([...different].map(user => posts.count(`${room}/${user}`)))
  }

  /** Rejects with a 403 `Problem` for a full room, and with `Unavailable`. */
  async publish(room: string, caller: Caller, user: string, location: PublishedLocation): Promise<Published> {
    const isAnonymous = location.user === undefined && caller.sub === undefined
    const [receipt] = await this.#append(room, [draftOf(caller, user, location, isAnonymous)])
    return { id: receipt?.id ?? beginning, user, ...(receipt?.stale && { stale: true }) }
  }

  /** Publishes all of the locations or none. Rejects as `publish` does. */
  async publishBatch(room: string, caller: Caller, locations: PublishedLocation[]): Promise<{ ids: string[] }> {
    const drafts = locations.map(location => draftOf(caller, location.user ?? '', location, false))
    const receipts = await this.#append(room, drafts)
    return { ids: receipts.map(({ id }) => id) }
  }

  /** The room's list, as JSON. Rejects with `Unavailable`. */
  list(room: string): Promise<Buffer> {
    return this.#options.lists.get(room)
  }

  /** `when: 'closed'` only ends the grace. Rejects with `Unavailable`. */
  async leave(room: string, user: string, when?: 'closed'): Promise<void> {
    const { broker, lists } = this.#options
    const head = await (when === 'closed' ? broker.endGrace(room, user) : broker.remove(room, user, 'left'))
    lists.changed(room, head)
  }

  async #append(room: string, drafts: Draft[]) {
    const { broker, lists, roomSize } = this.#options
    const receipts = await broker.publish(room, drafts)
    if (!receipts) throw new Problem(403, `The room is full: it holds at most ${roomSize} collaborators.`)
    lists.changed(room, receipts.at(-1)?.id ?? beginning)
    return receipts
  }
}

/** The token's name and color win over the body's, for the token's own collaborator. */
function draftOf({ sub, name, color }: Caller, user: string, location: PublishedLocation, isAnonymous: boolean): Draft {
  const named = user === sub ? { ...location, name: name ?? location.name, color: color ?? location.color } : location
  return { key: user, value: storedOf(user, named, isAnonymous), seq: location.seq }
}
