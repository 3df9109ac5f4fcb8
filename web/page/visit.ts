/**
 * The visit: room, user and name from the page's URL, and the user's last place from before a reload.
 */
import type { Place } from './cells.ts'

export interface Visit {
  room: string
  user: string | undefined
  name: string | undefined
}

export function parseVisit(search: string): Visit {
  const query = new URLSearchParams(search)
  return {
    room: query.get('room') || 'lobby',
    user: query.get('user') || undefined,
    name: query.get('name') || undefined,
  }
}

export function visitUrl({ room, user, name }: Visit, pageUrl: string): string {
  const url = new URL(pageUrl)
  url.hash = ''
  url.search = ''
  for (const [key, value] of Object.entries({ room, user, name })) if (value) url.searchParams.set(key, value)
  return url.href
}

const ADJECTIVES =
  'Amber Blue Bold Calm Clever Coral Gentle Golden Happy Jolly Lucky Mellow Misty Quiet Silver Sunny'.split(' ')
const BIRDS = 'Avocet Finch Grebe Heron Ibis Kestrel Lark Magpie Osprey Owl Plover Puffin Robin Swift Wren'.split(' ')

/** Returns a visit as a new user, with a random name and a random user id. */
export function newVisitor(room: string): Visit {
  const name = `${randomOf(ADJECTIVES)} ${randomOf(BIRDS)}`
  const suffix = Math.floor(Math.random() * 36 ** 4)
    .toString(36)
    .padStart(4, '0')
  return { room, user: `${name.toLowerCase().replace(' ', '-')}-${suffix}`, name }
}

const randomOf = (words: string[]) => words[Math.floor(Math.random() * words.length)]

const storageKey = ({ room, user = '' }: Visit) => `colocate ${room} ${user}`

/**
 * Reads the place that the user had in this tab before a reload. If the browser forbids storage, the user starts at A1.
 */
export function loadPlace(visit: Visit): Place {
  try {
    const { x, y } = JSON.parse(sessionStorage.getItem(storageKey(visit)) ?? '{}') as Partial<Place>
    if (Number.isFinite(x) && Number.isFinite(y)) return { x: Number(x), y: Number(y) }
  } catch {}
  return { x: 0, y: 0 }
}

export function savePlace(visit: Visit, { x, y }: Place): void {
  try {
    sessionStorage.setItem(storageKey(visit), JSON.stringify({ x, y }))
  } catch {}
}
