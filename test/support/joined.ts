/**
 * Rooms that a test joins with the client library, and that are left after it.
 */
import { afterEach } from '@jest/globals'
import { joinRoom, type Room, type RoomOptions } from '../../web/client/index.ts'

const timeoutMs = 30_000

/** Resolves once it is so, after any change of the room. */
export function until(room: Pick<Room, 'subscribe'>, what: string, isSo: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`It did not happen: ${what}`)), timeoutMs)
    const look = () => {
      if (!isSo()) return
      clearTimeout(timer)
      unsubscribe()
      resolve()
    }
    const unsubscribe = room.subscribe(look)
    look()
  })
}

export const isLive = (room: Room): Promise<void> => until(room, 'the room is live', () => room.status === 'live')

export const isClosed = (room: Room): Promise<void> => until(room, 'the room is closed', () => room.status === 'closed')

export const sees = (room: Room, user: string, x: number): Promise<void> =>
  until(room, `${user} is at ${x}`, () => room.others.some(other => other.user === user && other.x === x))

export const noLongerSees = (room: Room, user: string): Promise<void> =>
  until(room, `${user} is gone`, () => room.others.every(other => other.user !== user))

/** Joins rooms that are left at the end of each test. */
export function useRooms(): (name: string, options: RoomOptions) => Room {
  const rooms: Room[] = []
  afterEach(() => Promise.all(rooms.splice(0).map(room => room.leave())))
  return (name, options) => {
    const room = joinRoom(name, options)
    rooms.push(room)
    return room
  }
}
