/**
 * Decodes events from the lines that the scripts write.
 */
import type { Event } from '../broker.ts'

const tab = '\t'.charCodeAt(0)
const newline = '\n'.charCodeAt(0)

/**
 * Decodes an announcement: the id before its first event, then a line for each event, `id TAB key TAB reason TAB value`.
 * An empty value means that the key was removed. Without a line, the log starts again after that id.
 *
 * Each field is decoded from the bytes. A substring of one long string would keep that whole string in memory as long as
 * the field is stored.
 */
export function announcementOf(payload: Buffer): { after: string; events: Event[] } {
  let at = 0
  const readUpTo = (separator: number) => {
    const found = payload.indexOf(separator, at)
    const end = found < 0 ? payload.length : found
    const field = payload.toString('utf8', at, end)
    at = end + 1
    return field
  }
  const after = readUpTo(newline)
  const events: Event[] = []
  while (at < payload.length) {
    const [id, key, reason, value] = [readUpTo(tab), readUpTo(tab), readUpTo(tab), readUpTo(newline)]
    events.push({ id, key, value: value || null, reason })
  }
  return { after, events }
}

/** An entry of a Redis stream, as XRANGE returns it: its id, and one field with the rest of the line. */
export type StreamEntry = [id: string, fields: [name: string, line: string]]

/** Decodes the events among a stream's entries. An entry for a gap is not an event. */
export function eventsOf(entries: StreamEntry[]): Event[] {
  return entries
    .filter(([, [name]]) => !name.startsWith('g'))
    .map(([id, [, line]]) => {
      const [key = '', reason = ''] = line.split('\t', 2)
      return { id, key, value: line.slice(key.length + reason.length + 2) || null, reason }
    })
}
