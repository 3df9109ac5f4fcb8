/**
 * How a room's events become its current locations, as the contract says it and in the shortest way: what readers in tests hold
 * the server to.
 */
import type { Location, RoomEvent } from '../../web/wire.ts'

export type LocationsByUser = Map<string, Location>

/** Applies one event, in place. */
export function fold(locations: LocationsByUser, event: RoomEvent): void {
  if (event.type === 'snapshot') {
    locations.clear()
    for (const location of event.locations) locations.set(location.user, location)
  } else if (event.type === 'location') {
    const { type: _, ...location } = event
    locations.set(location.user, location)
  } else if (event.type === 'leave') locations.delete(event.user)
}
