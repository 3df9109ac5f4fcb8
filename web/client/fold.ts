/**
 * Folds a room's events into the map of its collaborators' locations.
 *
 * No I/O and no clock: the same events always produce the same map.
 */
import type { Location, RoomEvent } from '../wire.ts'

export type LocationsByUser = Map<string, Location>

/**
 * Applies one event to the map and returns the users whose entry it changed. Changes the map in place: the cost of an
 * event does not depend on the number of collaborators.
 */
export function fold(locations: LocationsByUser, event: RoomEvent): Set<string> {
  switch (event.type) {
    case 'snapshot': {
      const changed = new Set(locations.keys())
      locations.clear()
      for (const location of event.locations) {
        locations.set(location.user, location)
        changed.add(location.user)
      }
      return changed
    }
    case 'location': {
      const { type: _, ...location } = event
      locations.set(location.user, location)
      return new Set([location.user])
    }
    case 'leave':
      return new Set(locations.delete(event.user) ? [event.user] : [])
    default:
      // `resumed` and `ping` carry no location. A later version of the server may send types that this client ignores.
      return new Set()
  }
}
