/**
 * Requests that tests send to a server.
 */
import type { Location, LocationUpdate } from '../../web/wire.ts'

export interface Answer {
  status: number
  id: string
}

/** Publishes a location. Returns status 0 if the server is not reachable. */
export async function post(server: string, room: string, update: LocationUpdate): Promise<Answer> {
  try {
    const response = await fetch(`${server}/rooms/${room}/location`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(update),
    })
    const { id = '' } = (await response.json()) as { id?: string }
    return { status: response.status, id }
  } catch {
    return { status: 0, id: '' }
  }
}

export async function fetchLocations(server: string, room: string): Promise<Map<string, Location>> {
  const response = await fetch(`${server}/rooms/${room}/location`)
  const { locations } = (await response.json()) as { locations: Location[] }
  return new Map(locations.map(location => [location.user, location]))
}

/** Compares two event ids by their order in the log. */
export function byId(a: string, b: string): number {
  const [aMs = 0, aN = 0] = a.split('-').map(Number)
  const [bMs = 0, bN = 0] = b.split('-').map(Number)
  return aMs - bMs || aN - bN
}
