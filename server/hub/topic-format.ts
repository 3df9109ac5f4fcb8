/**
 * How a topic's events look to its readers. The domain says it once for each event; the hub hands the same bytes to all.
 */
import type { Entry, Event, EventId } from '../broker/broker.ts'

/** Why a reader is given everything anew: its first visit, a history with a hole, or too slow to be given each event. */
export type SnapshotReason = 'joined' | 'reset' | 'behind'

/** Each gives whole frames, or nothing: what is of no concern to readers. */
export interface Format {
  event(event: Event): string
  snapshot(reason: SnapshotReason, head: EventId, entries: Iterable<Entry>): string
  resumed(missed: number): string
  /** Asks a reader for a sign of life. */
  ping: string
  /** Whether a topic with these values is over: its readers are given what there is, and their streams end. */
  isOver(values: ReadonlyMap<string, Entry>): boolean
}
