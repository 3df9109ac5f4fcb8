/**
 * A room's changes as an async iterator, which keeps what its consumer has not read yet.
 */
import type { ColocateError } from './errors.ts'
import type { Room, RoomChange } from './types.ts'

/** The oldest change is dropped first. */
const KEPT_MAX = 1_000

type Watched<Meta extends object> = Pick<Room<Meta>, 'on' | 'status' | 'error'>
type Changes<Meta extends object> = AsyncIterator<RoomChange<Meta>, undefined, undefined>

/**
 * Buffers changes from this call on. The iterator ends when the room is closed. If an error closed the room, the
 * iterator throws it.
 */
export function readChanges<Meta extends object>(room: Watched<Meta>): Changes<Meta> {
  const kept: RoomChange<Meta>[] = []
  let wake = () => {}
  let end: { error: ColocateError | undefined } | undefined
  const take = (change: RoomChange<Meta>) => {
    kept.push(change)
    if (kept.length > KEPT_MAX) kept.shift()
    wake()
  }
  const onStatus = () => {
    if (room.status !== 'closed') return
    end = { error: room.error }
    wake()
  }
  const ends = [...(['enter', 'move', 'leave'] as const).map(type => room.on(type, take)), room.on('status', onStatus)]
  onStatus()
  return (async function* (): AsyncGenerator<RoomChange<Meta>, undefined, undefined> {
    try {
      for (;;) {
        const change = kept.shift()
        if (change) yield change
        else if (end?.error) throw end.error
        else if (end) return undefined
        else
          await new Promise<void>(resolve => {
            wake = resolve
          })
      }
    } finally {
      for (const end of ends) end()
    }
  })()
}
