/**
 * Encodes a room's log for its readers: each event is one line of JSON with a `type`.
 */
import { encodeEvent } from '../hub/frame.ts'
import type { Format } from '../hub/topic-format.ts'
import { locationOf } from './location.ts'

/**
 * What a snapshot's JSON may have, in bytes: common clients, such as those in Go, drop lines of 64 KiB. The locations that
 * don't fit follow as events. Only the last of these events has an id, so a client that is cut off before it never resumes
 * from half a snapshot.
 */
const maxSnapshotBytes = 48 * 1024
const emptySnapshotBytes = 64

export const locationFormat: Format = {
  event({ id, key, value, reason }) {
    if (value === null) return encodeEvent({ id, data: JSON.stringify({ type: 'leave', user: key, reason }) })
    return encodeEvent({ id, data: `{"type":"location",${locationOf(key, value, id).slice(1)}` })
  },

  snapshot(reason, head, entries) {
    const locations = Array.from(entries, ({ key, value, id }) => locationOf(key, value, id))
    const first = firstPart(locations)
    const rest = locations.slice(first)
    const data = `{"type":"snapshot","reason":"${reason}","locations":[${locations.slice(0, first).join(',')}]}`
    if (rest.length === 0) return encodeEvent({ id: head, data })
    const events = rest.map((location, i) => {
      const event = `{"type":"location",${location.slice(1)}`
      return encodeEvent(i === rest.length - 1 ? { id: head, data: event } : { data: event })
    })
    return encodeEvent({ data }) + events.join('')
  },

  resumed: missed => encodeEvent({ data: JSON.stringify({ type: 'resumed', missed }) }),

  ping: encodeEvent({ data: JSON.stringify({ type: 'ping' }) }),

  isOver: () => false,
}

/** How many of the locations fit into the snapshot's own JSON. */
function firstPart(locations: readonly string[]): number {
  let bytes = emptySnapshotBytes
  for (const [i, location] of locations.entries()) {
    bytes += Buffer.byteLength(location) + 1
    if (bytes > maxSnapshotBytes) return i
  }
  return locations.length
}
