/**
 * How a room's log looks to its readers: each event one line of JSON with a `type`.
 */

import { frame } from '../hub/frame.ts'
import type { Format } from '../hub/topic-format.ts'
import { locationOf } from './location.ts'

export const locationFormat: Format = {
  event({ id, key, value, reason }) {
    if (value === null) return frame(JSON.stringify({ type: 'leave', user: key, reason }), id)
    return frame(`{"type":"location",${locationOf(value, id).slice(1)}`, id)
  },

  snapshot(reason, head, entries) {
    const locations = Array.from(entries, ({ value, id }) => locationOf(value, id))
    return frame(`{"type":"snapshot","reason":"${reason}","locations":[${locations.join(',')}]}`, head)
  },

  resumed: missed => frame(JSON.stringify({ type: 'resumed', missed })),

  ping: frame(JSON.stringify({ type: 'ping' })),

  isOver: () => false,
}
