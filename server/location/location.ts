/**
 * A location as the log stores it and as clients see it. Pure.
 *
 * The log stores `name TAB color TAB x TAB y`, followed by `TAB meta` if the location has `meta`. Name and meta are
 * JSON, which contains no tab. Field names are not stored: Redis stores and replicates each location twice, in the log
 * and as a value, and the names would take more bytes than the values. The user is the key, and `at` is part of the
 * event's id.
 */
import { colorOf } from './color.ts'
import type { PublishedLocation } from './requests.ts'

/** What the log stores. */
export function storedOf(user: string, { name, color, x, y, meta }: PublishedLocation, isAnonymous: boolean): string {
  const shownName = name || (isAnonymous ? `Guest ${user.slice(-4)}` : user)
  const stored = `${JSON.stringify(shownName)}\t${color ?? colorOf(user)}\t${x}\t${y}`
  return meta ? `${stored}\t${JSON.stringify(meta)}` : stored
}

/** The location's JSON for clients, from its key, what the log stores, and its event's id. */
export function locationOf(user: string, stored: string, id: string): string {
  const at = id.slice(0, id.indexOf('-'))
  // Earlier builds stored the JSON of the location without `at`.
  if (stored.startsWith('{')) return `${stored.slice(0, -1)},"at":${at}}`
  const [name, color, x, y, meta] = stored.split('\t')
  const more = meta ? `,"meta":${meta}` : ''
  return `{"user":${JSON.stringify(user)},"name":${name},"color":"${color}","x":${x},"y":${y}${more},"at":${at}}`
}
