/**
 * How a topic's events are encoded for its readers. The hub encodes each event once and writes the same bytes to every
 * session.
 */
import type { Entry, Event, EventId } from '../broker/broker.ts'

/**
 * Why a reader gets a snapshot: it has no position yet, the history does not contain its position any more, or it read too
 * slowly to get every event.
 */
export type SnapshotReason = 'joined' | 'reset' | 'behind'

/** Each method returns complete frames, or an empty string if readers get nothing. */
export interface Format {
  event(event: Event): string
  snapshot(reason: SnapshotReason, head: EventId, entries: Iterable<Entry>): string
  /** The first frame of a stream that resumes, with the number of events that follow at once. */
  resumed(missed: number): string
  /** Asks the client to show that it is alive. */
  ping: string
  /** Whether a topic with these values is over. Its streams end once they are up to date. */
  isOver(values: ReadonlyMap<string, Entry>): boolean
}
