/**
 * What travels between the server and its clients. Types only: the one thing that both sides share.
 */

/**
 * Where a collaborator is. `x` is the column and `y` the row, zero-based; `at` is milliseconds since 1970 by the log's
 * clock.
 */
export interface Location {
  user: string
  name: string
  /** `#rrggbb` */
  color: string
  x: number
  y: number
  /** The application's own: at most 1 KiB of JSON. */
  meta?: Record<string, unknown>
  at: number
}

/** What a POST may say; only `x` and `y` are required, and what is left out takes its default. */
export interface LocationUpdate {
  user?: string | undefined
  name?: string | undefined
  color?: string | undefined
  x: number
  y: number
  meta?: Record<string, unknown> | null | undefined
  /** Grows for each collaborator: a location whose `seq` is not above the last one is stale. */
  seq?: number | undefined
}

export type LeaveReason = 'left' | 'closed' | 'expired'

/** `joined`: a first visit. `reset`: nothing can be said of what came between. `behind`: too slow, some events were skipped. */
export type SnapshotReason = 'joined' | 'reset' | 'behind'

/** The `data` of one event of a room. */
export type RoomEvent =
  | { type: 'snapshot'; reason: SnapshotReason; locations: Location[] }
  | { type: 'resumed'; missed: number }
  | ({ type: 'location' } & Location)
  | { type: 'leave'; user: string; reason: LeaveReason }
  | { type: 'ping' }
