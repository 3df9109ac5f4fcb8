/**
 * How events travel through Redis: as lines, which the scripts write and this reads.
 */
import type { Event } from '../broker.ts'

/** `id TAB key TAB reason TAB value`; without a value the key was removed. */
export function eventOf(line: string): Event {
  const [id = '', key = '', reason = ''] = line.split('\t', 3)
  const value = line.slice(id.length + key.length + reason.length + 3)
  return { id, key, value: value === '' ? null : value, reason }
}

/** An announcement: the id before its first event, then a line for each event; none if the log began anew with that id. */
export function announcementOf(payload: string): { after: string; events: Event[] } {
  const [after = '', ...lines] = payload.split('\n')
  return { after, events: lines.map(eventOf) }
}

/** A stream's entry, as XRANGE returns it: its id, and one field with the rest of the line. */
export type StreamEntry = [id: string, fields: [name: string, line: string]]

/** The events among a stream's entries; a gap is none. */
export function eventsOf(entries: StreamEntry[]): Event[] {
  return entries.filter(([, [name]]) => !name.startsWith('g')).map(([id, [, line]]) => eventOf(`${id}\t${line}`))
}
