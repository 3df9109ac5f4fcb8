/**
 * The types of the messages between the server and its clients. Types only: the server and the client share no code.
 */

/**
 * A collaborator's location. `x` is the column and `y` the row, both zero-based; `at` is milliseconds since 1970 by the
 * log's clock.
 */
export interface Location {
  user: string
  name: string
  /** `#rrggbb` */
  color: string
  x: number
  y: number
  /** The application's own data: at most 1 KiB of JSON. */
  meta?: Record<string, unknown>
  at: number
}

/** The body of a POST. Only `x` and `y` are required; an omitted field takes its default. */
export interface LocationUpdate {
  user?: string | undefined
  name?: string | undefined
  color?: string | undefined
  x: number
  y: number
  meta?: Record<string, unknown> | null | undefined
  /** Grows for each collaborator: a location whose `seq` is not above the stored one is stale. */
  seq?: number | undefined
}

export type LeaveReason = 'left' | 'closed' | 'expired'

/**
 * `joined`: the client sent no last event id. `reset`: the history no longer contains the client's last event.
 * `behind`: the client read too slowly, and the server skipped events.
 */
export type SnapshotReason = 'joined' | 'reset' | 'behind'

/** The `data` of one event of a room. */
export type RoomEvent =
  | { type: 'snapshot'; reason: SnapshotReason; locations: Location[] }
  | { type: 'resumed'; missed: number }
  | ({ type: 'location' } & Location)
  | { type: 'leave'; user: string; reason: LeaveReason }
  | { type: 'ping' }
