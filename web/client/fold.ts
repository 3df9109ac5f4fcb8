/**
 * How a room's events make who is where.
 *
 * No I/O and no clock: the same events always leave the same map.
 */
import type { Location, RoomEvent } from '../wire.ts'

export type WhoIsWhere = Map<string, Location>

/** Applies one event and says whose entry it touched. In place, so that an event costs the same in a crowded room. */
export function fold(who: WhoIsWhere, event: RoomEvent): Set<string> {
  switch (event.type) {
    case 'snapshot': {
      const touched = new Set(who.keys())
      who.clear()
      for (const location of event.locations) {
        who.set(location.user, location)
        touched.add(location.user)
      }
      return touched
    }
    case 'location': {
      const { type: _, ...location } = event
      who.set(location.user, location)
      return new Set([location.user])
    }
    case 'leave':
      return new Set(who.delete(event.user) ? [event.user] : [])
    default:
      // `resumed` and `ping` say nothing of anybody; a type that this version does not know is passed over.
      return new Set()
  }
}
