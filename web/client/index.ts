/**
 * `@colocate/client`: joins a room of a Colocate server.
 */
export { ColocateError, type ErrorCode } from './errors.ts'
export { joinRoom } from './join-room.ts'
export type {
  ChangeReason,
  Collaborator,
  Move,
  Room,
  RoomChange,
  RoomListeners,
  RoomOptions,
  RoomStatus,
  Token,
  TokenRequest,
  Transport,
} from './types.ts'
