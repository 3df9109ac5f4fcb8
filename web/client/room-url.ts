/**
 * Valid room names, and the URL of a room's routes.
 */

const ROOM = /^(?!\.\.?$)[\w.~:-]{1,128}$/

/** `.` and `..` are invalid: a browser resolves them as path segments and requests another path. */
export const isRoom = (name: string) => ROOM.test(name)

export function roomUrl(base: string, room: string): string {
  if (!isRoom(room)) throw new RangeError(`"${room}" is not a valid room name`)
  return `${base}/rooms/${room}/location`
}
