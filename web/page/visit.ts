/**
 * The visit: what the page's URL says, and the user's last place from before a reload.
 */
import type { Place } from './cells.ts'
import { tabUser } from './tab-user.ts'

export interface Visit {
  room: string
  user: string | undefined
  name: string | undefined
}

export interface PageQuery extends Visit {
  token: string | undefined
  hasBots: boolean
}

export function parseQuery(search: string): PageQuery {
  const query = new URLSearchParams(search)
  return {
    room: query.get('room') || 'lobby',
    user: query.get('user') || undefined,
    name: query.get('name') || undefined,
    token: query.get('access_token') || undefined,
    hasBots: query.get('bots') !== '0',
  }
}

/**
 * If the URL has a name and no user, each tab is a separate collaborator. If tokens are required, the token identifies
 * the user instead.
 */
export function visitOf({ room, user, name }: Visit, requiresToken: boolean): Visit {
  return { room, user: user ?? (name && !requiresToken ? tabUser() : undefined), name }
}

export function visitUrl({ room, user, name }: Visit, pageUrl: string): string {
  const url = new URL(pageUrl)
  url.hash = ''
  url.search = ''
  for (const [key, value] of Object.entries({ room, user, name })) if (value) url.searchParams.set(key, value)
  return url.href
}

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
