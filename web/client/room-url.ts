/**
 * Where a room's routes are.
 */
import { ColocateError } from './errors.ts'

/** `.` and `..` are no names: a browser would request another path. */
const ROOM = /^(?!\.\.?$)[\w.~:-]{1,128}$/

/** Throws a `ColocateError` for a name that no room can have, and for a URL that can't be resolved here. */
export function roomUrl(name: string, server: string | URL = '/', origin = globalThis.location?.href): string {
  if (!ROOM.test(name)) {
    throw new ColocateError(0, `"${name}" is not a valid room name.`)
  }
  try {
    const { href } = new URL(server, origin)
    return `${href.replace(/[?#].*$/, '').replace(/\/+$/, '')}/rooms/${name}/location`
  } catch (cause) {
    throw new ColocateError(0, `The option "url" must be an absolute URL here, not "${server}".`, { cause })
  }
}
