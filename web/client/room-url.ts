/**
 * What a room may be called, and where its routes are.
 */

const ROOM = /^(?!\.\.?$)[\w.~:-]{1,128}$/

/** `.` and `..` are out because a URL can't carry them: a browser would ask for another path in their place. */
export const isRoom = (name: string) => ROOM.test(name)

export function roomUrl(base: string, room: string): string {
  if (!isRoom(room)) throw new RangeError(`"${room}" is no name for a room`)
  return `${base}/rooms/${room}/location`
}
