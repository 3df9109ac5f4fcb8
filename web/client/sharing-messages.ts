/**
 * The messages between the tabs that share a connection. Tabs may run different versions of the library: a change here needs
 * another name for the channel.
 */
import type { Entry } from './entries.ts'
import type { RoomUpdate } from './room-connection.ts'

export type State = Pick<RoomUpdate, 'status' | 'transport'>

/** A tab opens, or missed entries: it has those up to `lastEventId`. */
interface Hello {
  type: 'hello'
  lastEventId: string
  isHidden: boolean
}

/** From the leader: what follows `after`. */
interface Entries {
  type: 'entries'
  after: string
  entries: Entry[]
  state: State
}

interface Signal {
  type: 'here' | 'beat' | 'hidden' | 'seen' | 'granted' | 'leading'
}

export type Message = { from: string; to?: string } & (Hello | Entries | Signal)

/** A message before its sender is known. */
export type Draft = Message extends infer Each ? (Each extends unknown ? Omit<Each, 'from'> : never) : never
