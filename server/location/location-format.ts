/**
 * Encodes a room's log for its readers: each event is one line of JSON with a `type`.
 */
import { encodeEvent } from '../hub/frame.ts'
import type { Format } from '../hub/topic-format.ts'
import { locationOf } from './location.ts'

export const locationFormat: Format = {
  event({ id, key, value, reason }) {
    if (value === null) return encodeEvent({ id, data: JSON.stringify({ type: 'leave', user: key, reason }) })
    return encodeEvent({ id, data: `{"type":"location",${locationOf(value, id).slice(1)}` })
  },

  snapshot(reason, head, entries) {
    const locations = Array.from(entries, ({ value, id }) => locationOf(value, id))
    return encodeEvent({
      id: head,
      data: `{"type":"snapshot","reason":"${reason}","locations":[${locations.join(',')}]}`,
    })
  },

  resumed: missed => encodeEvent({ data: JSON.stringify({ type: 'resumed', missed }) }),

  ping: encodeEvent({ data: JSON.stringify({ type: 'ping' }) }),

  isOver: () => false,
}
