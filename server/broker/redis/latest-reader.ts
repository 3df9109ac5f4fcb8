/**
 * Reads every value of a topic. A large topic is read in parts, so that no script takes Redis long, and what changes
 * between the parts is read from the history.
 */
import type { Entry, EventId, History, Latest } from '../broker.ts'

/** Runs the script `latest`. */
type ReadPart = (cursor: string, count: number) => Promise<string[]>

/** How many values a part has, roughly. Redis takes about 1 ms for one. */
const partLength = 1_000

export async function readLatest(read: ReadPart, history: (id: EventId) => Promise<History>): Promise<Latest> {
  const { head, entries, isOneInstant } = await readParts(read, partLength)
  if (isOneInstant) return { head, entries: [...entries.values()] }
  const { recovered, events } = await history(head)
  // More events were published in the meantime than the history keeps. A second attempt in parts could fail for the
  // same reason.
  if (!recovered) return whole(read)
  for (const { id, key, value } of events) {
    if (value === null) entries.delete(key)
    else entries.set(key, { id, key, value })
  }
  return { head: events.at(-1)?.id ?? head, entries: [...entries.values()] }
}

async function whole(read: ReadPart): Promise<Latest> {
  const { head, entries } = await readParts(read, Number.MAX_SAFE_INTEGER)
  return { head, entries: [...entries.values()] }
}

/**
 * Reads all parts. `head` is the topic's head at the time of the first part. HSCAN returns every value that has not
 * changed since then. A value that has changed may be missing, old or new.
 */
async function readParts(read: ReadPart, count: number) {
  const entries = new Map<string, Entry>()
  let first: EventId | undefined
  let isOneInstant = true
  let cursor: string | undefined = '0'
  do {
    const [head = '', next, ...flat]: string[] = await read(cursor, count)
    // Without a next cursor, the script has only removed some of the keys whose lease has ended.
    if (next === undefined) continue
    first ??= head
    isOneInstant &&= head === first
    for (let i = 0; i < flat.length; i += 2) {
      const entry = entryOf(flat[i] ?? '', flat[i + 1] ?? '')
      entries.set(entry.key, entry)
    }
    cursor = next
  } while (cursor !== '0' || first === undefined)
  return { head: first, entries, isOneInstant }
}

/** A stored value is `id TAB seq TAB value`. */
function entryOf(key: string, stored: string): Entry {
  const [id = '', seq = ''] = stored.split('\t', 2)
  return { id, key, value: stored.slice(id.length + seq.length + 2) }
}
