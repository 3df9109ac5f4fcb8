/**
 * Creates the connection of a room: one of its own, or one that all tabs share, if the browser supports it.
 */
import type { Location } from '../wire.ts'
import { RoomConnection, type RoomConnectionOptions, type RoomLink, type RoomUpdate } from './room-connection.ts'

export interface RoomLinkOptions extends RoomConnectionOptions {
  /** Whose tabs share; undefined: this room has a stream of its own. */
  sharedBy: string | undefined
  locations(): Location[]
}

type Sharing = typeof import('./shared-connection.ts')

/** Loads what sharing needs. Only pages share: a process with several rooms is not one person's browser. */
export async function loadSharing(): Promise<Sharing | undefined> {
  if (!globalThis.document || !globalThis.BroadcastChannel) return undefined
  try {
    // Some browsers have no Web Locks, and a sandbox may refuse them. The import fails if the page hosts only a copy of
    // the main file. In these cases nothing is shared.
    await navigator.locks.query()
    return await import('./shared-connection.ts')
  } catch {
    return undefined
  }
}

export function createRoomLink(options: RoomLinkOptions, sharing?: Sharing): RoomLink {
  if (!sharing || options.sharedBy === undefined) return new RoomConnection(options)
  const connect = (lastEventId: string, onUpdate: (update: RoomUpdate) => void) =>
    new RoomConnection({ ...options, lastEventId, onUpdate })
  return new sharing.SharedConnection({ ...options, connect })
}
