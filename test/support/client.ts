/**
 * A client for tests: publishes and lists locations.
 */
import { Agent, request } from 'node:http'
import { json } from 'node:stream/consumers'
import type { Location, LocationUpdate } from '../../web/wire.ts'

export interface Answer {
  status: number
  id: string
}

/** Keeps connections open. A connection for each of thousands of posts would cost more than the posts. */
const agent = new Agent({ keepAlive: true })

/** Publishes a location. Returns status 0 if the server is not reachable. */
export function post(server: string, room: string, update: LocationUpdate): Promise<Answer> {
  return new Promise(resolve => {
    const headers = { 'content-type': 'application/json' }
    const posting = request(`${server}/rooms/${room}/location`, { method: 'POST', headers, agent })
    const failed = () => resolve({ status: 0, id: '' })
    posting.on('error', failed)
    posting.on('response', response => {
      json(response).then(
        body => resolve({ status: response.statusCode ?? 0, id: '', ...(body as { id?: string }) }),
        failed,
      )
    })
    posting.end(JSON.stringify(update))
  })
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
