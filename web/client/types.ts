/**
 * The public types of the library.
 */
/// <reference lib="esnext.disposable" preserve="true" />
import type { ColocateError } from './errors.ts'

/** A person or a service in a room, and where they are. A new object for each change. */
export interface Collaborator<Meta extends object = Record<string, unknown>> {
  readonly user: string
  readonly name: string
  /** `#rrggbb` */
  readonly color: string
  /** The column, zero-based. */
  readonly x: number
  /** The row, zero-based. */
  readonly y: number
  /** The application's own data. */
  readonly meta?: Meta
  /** Milliseconds since 1970, by the clock of the room's log. */
  readonly at: number
}

/** `connecting` until the room is live, or refused, for the first time. `closed` after `leave()` or a refusal. */
export type RoomStatus = 'connecting' | 'live' | 'reconnecting' | 'closed'

/** `polling`: a proxy holds streams back, so the list of locations is requested every 5 seconds. */
export type Transport = 'stream' | 'polling'

/** Why the token is requested. */
export interface TokenRequest {
  reason: 'start' | 'expiring' | 'refused'
}

export type Token = string | ((request: TokenRequest) => string | Promise<string>)

export interface Move<Meta extends object = Record<string, unknown>> {
  x?: number | undefined
  y?: number | undefined
  /** `null` removes it. */
  meta?: Meta | null | undefined
}

export interface RoomOptions<Meta extends object = Record<string, unknown>> {
  /** Where the server is: an absolute URL or a path. Default: this page's origin. */
  url?: string | URL | undefined
  /** Your collaborator id. Default: the token's `sub`, otherwise the anonymous collaborator of the cookie. */
  user?: string | undefined
  name?: string | undefined
  /** `#rrggbb` */
  color?: string | undefined
  /** Your first location. Without it you only watch. */
  location?: { x: number; y: number; meta?: Meta | null | undefined } | undefined
  token?: Token | undefined
  /** At most this many moves are published per second. Default: 20. */
  movesPerSecond?: number | undefined
  /** One stream for all tabs of this origin in the same room as the same collaborator. Default: true. */
  shareStream?: boolean | undefined
  credentials?: RequestCredentials | undefined
  fetch?: typeof globalThis.fetch | undefined
  /** Aborting it leaves the room. */
  signal?: AbortSignal | undefined
}

/** `sync`: a snapshot showed this difference. */
export type ChangeReason = 'left' | 'closed' | 'expired' | 'sync'

export interface RoomChange<Meta extends object = Record<string, unknown>> {
  type: 'enter' | 'move' | 'leave'
  /** The collaborator after the change; for `leave`, as they were last. */
  collaborator: Collaborator<Meta>
  /** The collaborator before the change; undefined for `enter`. */
  previous: Collaborator<Meta> | undefined
  reason: ChangeReason | undefined
}

export interface RoomListeners<Meta extends object = Record<string, unknown>> {
  enter(change: RoomChange<Meta>): void
  move(change: RoomChange<Meta>): void
  leave(change: RoomChange<Meta>): void
  status(status: RoomStatus, error?: ColocateError): void
  /** A move that the server refused, or a token function that failed. */
  error(error: ColocateError): void
}

export interface Room<Meta extends object = Record<string, unknown>> extends AsyncDisposable {
  readonly name: string
  /**
   * Your own location. It changes as soon as you call `move`. Undefined while you only watch. `user` is empty until the
   * server has told an anonymous collaborator its id.
   */
  readonly self: Collaborator<Meta> | undefined
  /** Everyone else, by when they came. The same array until one of them changes. */
  readonly others: readonly Collaborator<Meta>[]
  readonly status: RoomStatus
  /** Why the room is closed; undefined after `leave()`. */
  readonly error: ColocateError | undefined
  readonly transport: Transport
  /** Moves you. Fields that you leave out stay unchanged. */
  move(move: Move<Meta>): void
  update(change: { name?: string | undefined; color?: string | undefined }): void
  /**
   * Resolves when your latest move at the time of the call, or a newer one of yours, is in the log. Rejects with the
   * error if the server refuses it.
   */
  settled(): Promise<void>
  /** Calls `listener` after anything changed, once for what arrived together. Returns the function that ends it. */
  subscribe(listener: () => void): () => void
  on<Type extends keyof RoomListeners<Meta>>(type: Type, listener: RoomListeners<Meta>[Type]): () => void
  /** Connects at once when the room waits or was closed by a refusal. */
  reconnect(): void
  /** Leaves the room. Resolves when the server has been told. */
  leave(): Promise<void>
  [Symbol.asyncIterator](): AsyncIterator<RoomChange<Meta>, undefined, undefined>
}
