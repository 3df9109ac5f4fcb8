/**
 * Who sends a request, as the token says, and what they may do. Pure.
 */
export type Scope = 'location:read' | 'location:write' | 'location:write-any' | 'relay' | 'metrics'

export interface Caller {
  /** The collaborator. Undefined when the token names none. */
  sub: string | undefined
  name: string | undefined
  color: string | undefined
  /** Names of rooms; a trailing `*` matches the rest. */
  rooms: readonly string[]
  scopes: readonly string[]
  /** Milliseconds since 1970. */
  expiresAt: number
}

/** The caller of every request to a server without authentication. It may do everything, as any collaborator. */
export const everyone: Caller = {
  sub: undefined,
  name: undefined,
  color: undefined,
  rooms: ['*'],
  scopes: ['location:read', 'location:write-any', 'relay', 'metrics'],
  expiresAt: Number.POSITIVE_INFINITY,
}

export function hasScope({ scopes }: Caller, scope: Scope): boolean {
  return scopes.includes(scope) || (scope === 'location:write' && scopes.includes('location:write-any'))
}

export function canEnter({ rooms }: Caller, room: string): boolean {
  return rooms.some(name => (name.endsWith('*') ? room.startsWith(name.slice(0, -1)) : room === name))
}

export function canActAs(caller: Caller, user: string | undefined): boolean {
  return hasScope(caller, 'location:write-any') || (user !== undefined && user === caller.sub)
}
