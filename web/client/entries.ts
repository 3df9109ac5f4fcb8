/**
 * A room's events as the library passes them on: with their ids, and each snapshot whole.
 *
 * A large snapshot arrives in parts: the snapshot and the locations behind it have no id, except the last one.
 */
import type { Location, RoomEvent } from '../wire.ts'

export interface Entry {
  /** Empty for an event that is not in the log: `resumed`, `ping`. */
  id: string
  event: RoomEvent
}

/** Joins the parts of snapshots. One for each stream: what a broken stream left incomplete is dropped with it. */
export class SnapshotAssembler {
  #partial: (RoomEvent & { type: 'snapshot' }) | undefined

  push(event: RoomEvent, id: string): Entry[] {
    if (event.type === 'snapshot' && id === '') {
      this.#partial = event
      return []
    }
    if (!this.#partial || event.type !== 'location') return [{ id, event }]
    this.#partial.locations.push(locationOf(event))
    if (id === '') return []
    const whole = { id, event: this.#partial }
    this.#partial = undefined
    return [whole]
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
