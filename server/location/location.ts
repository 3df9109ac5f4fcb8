/**
 * A location as the log stores it and as clients see it. Pure.
 */
import type { Location } from '../../web/wire.ts'
import { colorOf } from './color.ts'
import type { PublishedLocation } from './requests.ts'

/** The JSON that the log stores: all of a location except `at`, which is in its event's id. */
export function storedOf(user: string, { name, color, x, y, meta }: PublishedLocation, isAnonymous: boolean): string {
  const location: Omit<Location, 'at'> = {
    user,
    name: name ?? (isAnonymous ? `Guest ${user.slice(-4)}` : user),
    color: color ?? colorOf(user),
    x,
    y,
    ...(meta && { meta }),
  }
  return JSON.stringify(location)
}

/** The location's JSON for clients, from the stored JSON and its event's id. */
export function locationOf(stored: string, id: string): string {
  return `${stored.slice(0, -1)},"at":${id.slice(0, id.indexOf('-'))}}`
}
