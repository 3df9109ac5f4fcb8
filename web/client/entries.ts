/**
 * A room's events as the library passes them on: with their ids, and each snapshot whole.
 *
 * A large snapshot arrives in parts: the snapshot and the locations behind it have no id, except the last one.
 */
import type { Location, RoomEvent, SnapshotReason } from '../wire.ts'

export interface Entry {
  /** Empty for an event that is not in the log: `resumed`, `ping`. */
  id: string
  event: RoomEvent
}

/** Joins the parts of snapshots. One for each stream: what a broken stream left incomplete is dropped with it. */
export class SnapshotAssembler {
  #locations: Location[] | undefined
  #reason: SnapshotReason = 'joined'

  push(event: RoomEvent, id: string): Entry[] {
    if (event.type === 'snapshot' && id === '') {
      this.#locations = [...event.locations]
      this.#reason = event.reason
      return []
    }
    if (this.#locations && event.type === 'location') {
      this.#locations.push(locationOf(event))
      return id === '' ? [] : [this.#whole(id)]
    }
    // No event but a location may stand behind a part: so this snapshot ended without an id.
    return this.#locations ? [this.#whole(''), { id, event }] : [{ id, event }]
  }

  #whole(id: string): Entry {
    const locations = this.#locations ?? []
    this.#locations = undefined
    return { id, event: { type: 'snapshot', reason: this.#reason, locations } }
  }
}

/** Parses the data of an event. A proxy may send other text: only an object with a type is an event. */
export function parseEvent(data: string): RoomEvent | undefined {
  try {
    const event = JSON.parse(data) as RoomEvent | null
    return typeof event?.type === 'string' ? event : undefined
  } catch {
    return undefined
  }
}

export function locationOf({ type: _, ...location }: { type: 'location' } & Location): Location {
  return location
}
