/**
 * Counts the hub's work in plain numbers, so that counting a delivery is one addition. The metrics read them.
 */
import type { SnapshotReason } from './topic-format.ts'

/** What a stream began with. */
export type JoinOutcome = 'joined' | 'resumed' | 'reset'

/**
 * Why the history was read: an announcement did not follow the replica's head, the subscription was interrupted, the
 * broker reported another head, or a reader returned with an id that the replay buffer does not contain.
 */
export type CatchUpCause = 'gap' | 'interrupted' | 'head' | 'resume'

export class HubStats {
  readonly joins: Record<JoinOutcome, number> = { joined: 0, resumed: 0, reset: 0 }
  readonly catchUps: Record<CatchUpCause, number> = { gap: 0, interrupted: 0, head: 0, resume: 0 }
  /** Snapshots written to sessions. */
  readonly snapshots: Record<SnapshotReason, number> = { joined: 0, reset: 0, behind: 0 }
  /** Events received from the broker. */
  eventsIn = 0
  /** Events written to sessions, counted once for each session. */
  deliveries = 0
  bytes = 0

  /** Called for each encoded chunk, with the number of its events. */
  onFrame: (events: number) => void = () => {}
  /** Called when a pass over a topic's sessions has ended, with the age of the oldest event that it wrote. */
  onFlush: (ageMs: number) => void = () => {}
  /** Called when a session has ended, with how long it lasted. */
  onClose: (durationMs: number) => void = () => {}
}
