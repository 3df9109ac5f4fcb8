/**
 * The entry of the library.
 */
import { RoomClient } from './room.ts'
import type { Room, RoomOptions } from './types.ts'

/** Joins a room. Returns at once; never throws for the network. */
export function joinRoom<Meta extends object = Record<string, unknown>>(
  name: string,
  options: RoomOptions<Meta> = {},
): Room<Meta> {
  return new RoomClient(name, options)
}
