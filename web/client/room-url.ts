/**
 * Where a room's routes are.
 */
import { ColocateError } from './errors.ts'

/** `.` and `..` are no names: a browser would request another path. */
const ROOM = /^(?!\.\.?$)[\w.~:-]{1,128}$/

/** Returns an error for a room name that is not valid, and for a relative URL if there is no page. */
export function roomUrl(name: string, server: string | URL = '/', page = globalThis.location?.href) {
  if (!ROOM.test(name)) return new ColocateError(0, `"${name}" is not a valid room name.`)
  try {
    const { href } = new URL(server, page)
    return `${href.replace(/\/*([?#].*)?$/, '')}/rooms/${name}/location`
  } catch {
    return new ColocateError(0, `The option "url" must be an absolute URL here, not "${server}".`)
  }
}
