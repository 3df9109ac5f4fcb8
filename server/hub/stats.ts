/**
 * What the hub counts of its own work. Plain numbers, so that counting a delivery is an addition; whoever shows them
 * reads them.
 */

/** What a stream began with. */
export type JoinOutcome = 'joined' | 'resumed' | 'reset'

/**
 * Why the history was read: an announcement that did not follow, a subscription that was away, another head than ours,
 * or a reader's id.
 */
export type CatchUpCause = 'gap' | 'interrupted' | 'head' | 'resume'

export class HubStats {
  readonly joins: Record<JoinOutcome, number> = { joined: 0, resumed: 0, reset: 0 }
  readonly catchUps: Record<CatchUpCause, number> = { gap: 0, interrupted: 0, head: 0, resume: 0 }
  /** Events that came from the log. */
  eventsIn = 0
  /** Events that were written, each counted for each of its readers. */
  deliveries = 0
  bytes = 0

  /** A frame was encoded with so many events in it. */
  onFrame: (events: number) => void = () => {}
  /** All who could take it were written an event that was published so many milliseconds ago. */
  onFlush: (ageMs: number) => void = () => {}
}
