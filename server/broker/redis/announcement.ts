/**
 * How events travel through Redis: as lines, which the scripts write and this reads.
 */
import type { Event } from '../broker.ts'

const tab = '\t'.charCodeAt(0)
const newline = '\n'.charCodeAt(0)

/**
 * An announcement: the id before its first event, then a line for each event, `id TAB key TAB reason TAB value`; without
 * a value the key was removed. No event if the log began anew with that id.
 *
 * Each field is decoded by itself: a part of one long string would keep all of it, as long as it is somebody's value.
 */
export function announcementOf(payload: Buffer): { after: string; events: Event[] } {
  let at = 0
  const upTo = (mark: number) => {
    const found = payload.indexOf(mark, at)
    const end = found < 0 ? payload.length : found
    const field = payload.toString('utf8', at, end)
    at = end + 1
    return field
  }
  const after = upTo(newline)
  const events: Event[] = []
  while (at < payload.length) {
    const [id, key, reason, value] = [upTo(tab), upTo(tab), upTo(tab), upTo(newline)]
    events.push({ id, key, value: value || null, reason })
  }
  return { after, events }
}

/** A stream's entry, as XRANGE returns it: its id, and one field with the rest of the line. */
export type StreamEntry = [id: string, fields: [name: string, line: string]]

/** The events among a stream's entries; a gap is none. */
export function eventsOf(entries: StreamEntry[]): Event[] {
  return entries
    .filter(([, [name]]) => !name.startsWith('g'))
    .map(([id, [, line]]) => {
      const [key = '', reason = ''] = line.split('\t', 2)
      return { id, key, value: line.slice(key.length + reason.length + 2) || null, reason }
    })
}
