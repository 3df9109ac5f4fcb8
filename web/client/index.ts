/**
 * The client library's public API: the only module that an application or the demonstration page imports.
 */
export type { LeaveReason, Location, LocationUpdate, RoomEvent, SnapshotReason } from '../wire.ts'
export { backoffMs } from './backoff.ts'
export type { Status } from './event-stream-connection.ts'
export { isFinal, json, type Refusal, refusalOf } from './requests.ts'
export { Client, type ClientOptions } from './room-client.ts'
export { isRoom } from './room-url.ts'
