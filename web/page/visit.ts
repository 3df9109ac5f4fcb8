/**
 * Who visits which room, from the page's address, and where they were before a reload.
 */
import type { Place } from './cells.ts'

export interface Visit {
  room: string
  user: string | undefined
  name: string | undefined
}

export function visitOf(search: string): Visit {
  const query = new URLSearchParams(search)
  return {
    room: query.get('room') || 'lobby',
    user: query.get('user') || undefined,
    name: query.get('name') || undefined,
  }
}

export function addressOf({ room, user, name }: Visit, page: string): string {
  const url = new URL(page)
  url.hash = ''
  url.search = ''
  for (const [key, value] of Object.entries({ room, user, name })) if (value) url.searchParams.set(key, value)
  return url.href
}

const ADJECTIVES =
  'Amber Blue Bold Calm Clever Coral Gentle Golden Happy Jolly Lucky Mellow Misty Quiet Silver Sunny'.split(' ')
const BIRDS = 'Avocet Finch Grebe Heron Ibis Kestrel Lark Magpie Osprey Owl Plover Puffin Robin Swift Wren'.split(' ')

/** Somebody else: a friendly name, and an id that nobody has yet. */
export function somebody(room: string): Visit {
  const name = `${oneOf(ADJECTIVES)} ${oneOf(BIRDS)}`
  const tail = Math.floor(Math.random() * 36 ** 4)
    .toString(36)
    .padStart(4, '0')
  return { room, user: `${name.toLowerCase().replace(' ', '-')}-${tail}`, name }
}

const oneOf = (words: string[]) => words[Math.floor(Math.random() * words.length)]

const keyOf = ({ room, user = '' }: Visit) => `colocate ${room} ${user}`

/** In this tab's storage, so that a reload moves nobody. A browser may forbid storage; then everyone starts at A1. */
export function lastPlace(visit: Visit): Place {
  try {
    const { x, y } = JSON.parse(sessionStorage.getItem(keyOf(visit)) ?? '{}') as Partial<Place>
    if (Number.isFinite(x) && Number.isFinite(y)) return { x: Number(x), y: Number(y) }
  } catch {}
  return { x: 0, y: 0 }
}

export function keepPlace(visit: Visit, { x, y }: Place): void {
  try {
    sessionStorage.setItem(keyOf(visit), JSON.stringify({ x, y }))
  } catch {}
}
