/**
 * How a room is followed: by a connection of its own, or by one that all tabs share where the browser can do that.
 */
import type { Location } from '../wire.ts'
import { isHidden } from './page-lifecycle.ts'
import { RoomConnection, type RoomConnectionOptions, type RoomLink } from './room-connection.ts'

export interface RoomLinkOptions extends RoomConnectionOptions {
  /** Whose tabs share; undefined: this room has a stream of its own. */
  sharedBy: string | undefined
  locations(): Location[]
}

type Sharing = typeof import('./shared-connection.ts')

/** Loads what sharing needs. Only pages share: a process with several rooms is not one person's browser. */
export async function loadSharing(): Promise<Sharing | undefined> {
  const { navigator, document, BroadcastChannel } = globalThis
  if (!document || !navigator.locks || !BroadcastChannel) return undefined
  // A page that has a copy of one file alone does not share.
  return import('./shared-connection.ts').catch(() => undefined)
}

export function createRoomLink({ sharedBy, locations, ...options }: RoomLinkOptions, sharing?: Sharing): RoomLink {
  if (!sharing || sharedBy === undefined) return new RoomConnection(options)
  const { url, lastEventId, onUpdate } = options
  return new sharing.SharedConnection({
    key: `${url} ${sharedBy}`,
    locks: navigator.locks,
    createChannel: name => new BroadcastChannel(name),
    isHidden,
    lastEventId,
    connect: (id, onUpdate) => new RoomConnection({ ...options, lastEventId: id, onUpdate }),
    locations,
    onUpdate,
  })
}
