/**
 * Who asks, as their token says, and what they may. Pure.
 */
export interface Caller {
  /** The collaborator; a token may name none, and then it is nobody. */
  sub: string | undefined
  name: string | undefined
  color: string | undefined
  /** Names of rooms; a trailing `*` matches the rest. */
  rooms: readonly string[]
  scopes: readonly string[]
  /** Milliseconds since 1970. */
  expiresAt: number
}

/** Open mode: whoever it is may do everything, under any name. */
export const everyone: Caller = {
  sub: undefined,
  name: undefined,
  color: undefined,
  rooms: ['*'],
  scopes: ['location:read', 'location:write-any', 'relay', 'metrics'],
  expiresAt: Number.POSITIVE_INFINITY,
}

export function canRead(caller: Caller, room: string): boolean {
  return caller.scopes.includes('location:read') && isIn(caller, room)
}

/** Whether they may change something in the room; whose location is for `canActAs`. */
export function canWrite(caller: Caller, room: string): boolean {
  return (caller.scopes.includes('location:write') || isAnyone(caller)) && isIn(caller, room)
}

/** Whether they may speak for that collaborator. */
export function canActAs(caller: Caller, user: string | undefined): boolean {
  return isAnyone(caller) || (user !== undefined && user === caller.sub)
}

export function canRelay({ scopes }: Caller): boolean {
  return scopes.includes('relay')
}

export function canReadMetrics({ scopes }: Caller): boolean {
  return scopes.includes('metrics')
}

function isAnyone({ scopes }: Caller): boolean {
  return scopes.includes('location:write-any')
}

function isIn({ rooms }: Caller, room: string): boolean {
  return rooms.some(name => (name.endsWith('*') ? room.startsWith(name.slice(0, -1)) : room === name))
}
