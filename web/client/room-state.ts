/**
 * The locations in a room, and the changes that each event makes. No I/O and no clock.
 *
 * A collaborator keeps its object until it changes. A snapshot changes only what it shows to be different.
 */
import type { Location } from '../wire.ts'
import { type Entry, locationOf } from './entries.ts'
import type { ChangeReason, Collaborator, RoomChange } from './types.ts'

export class RoomState<Meta extends object> {
  readonly #collaborators = new Map<string, Collaborator<Meta>>()

  get(user: string): Collaborator<Meta> | undefined {
    return this.#collaborators.get(user)
  }

  /** Everyone but `user`, by when they came. */
  others(user: string | undefined): Collaborator<Meta>[] {
    return this.all().filter(collaborator => collaborator.user !== user)
  }

  all(): Collaborator<Meta>[] {
    return [...this.#collaborators.values()]
  }

  apply({ event }: Entry): RoomChange<Meta>[] {
    switch (event.type) {
      case 'snapshot':
        return this.#sync(event.locations)
      case 'location':
        return this.#set(locationOf(event), undefined)
      case 'leave':
        return this.#delete(event.user, event.reason)
      default:
        // `resumed` and `ping` change nothing, nor does a type that this version does not know.
        return []
    }
  }

  #sync(locations: Location[]): RoomChange<Meta>[] {
    const gone = new Set(this.#collaborators.keys())
    for (const { user } of locations) gone.delete(user)
    const different = locations.filter(location => !isSame(this.#collaborators.get(location.user), location))
    return [
      ...[...gone].flatMap(user => this.#delete(user, 'sync')),
      ...different.flatMap(location => this.#set(location, 'sync')),
    ]
  }

  #set(location: Location, reason: ChangeReason | undefined): RoomChange<Meta>[] {
    const collaborator = location as Collaborator<Meta>
    const previous = this.#collaborators.get(location.user)
    this.#collaborators.set(location.user, collaborator)
    if (!previous) return [{ type: 'enter', collaborator, previous, reason }]
    return isSame(previous, location) ? [] : [{ type: 'move', collaborator, previous, reason }]
  }

  #delete(user: string, reason: ChangeReason): RoomChange<Meta>[] {
    const collaborator = this.#collaborators.get(user)
    if (!collaborator) return []
    this.#collaborators.delete(user)
    return [{ type: 'leave', collaborator, previous: collaborator, reason }]
  }
}

export interface Place {
  x: number
  y: number
  meta?: object | null | undefined
}

const textOf = ({ x, y, meta }: Place) => JSON.stringify([x, y, meta])

export const isSamePlace = (a: Place, b: Place): boolean => textOf(a) === textOf(b)

/** `at` alone is no difference: the collaborator published the same location again. */
function isSame(a: Collaborator<object> | undefined, b: Location): boolean {
  return a?.name === b.name && a.color === b.color && isSamePlace(a, b)
}
