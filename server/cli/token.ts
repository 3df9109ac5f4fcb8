/**
 * `colocate token`: a JWT for development, signed with the AUTH_SECRET that the server verifies it with.
 */
import { SignJWT } from 'jose'
import { type Auth, ConfigError } from '../config/config.ts'

export interface TokenFlags {
  sub?: string
  name?: string
  color?: string
  rooms?: string
  scope?: string
  expires?: string
}

/** Throws a `ConfigError` without a secret. */
export async function makeToken(flags: TokenFlags, auth: Auth): Promise<string> {
  if (auth.kind !== 'secret') throw new ConfigError('Set AUTH_SECRET, which signs the token')
  const { sub, name, color, rooms = '*', scope = 'location:read location:write', expires = '1h' } = flags
  const { issuer, audience } = auth.expected
  const expected = { ...(issuer !== undefined && { iss: issuer }), ...(audience !== undefined && { aud: audience }) }
  const token = new SignJWT({
    ...(sub !== undefined && { sub }),
    name,
    color,
    rooms: rooms.split(','),
    scope,
    ...expected,
  })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt()
  try {
    token.setExpirationTime(expires)
  } catch {
    throw new ConfigError(`--expires must be a time period such as 90s, 15m, 1h or 7d, not "${expires}"`)
  }
  return token.sign(new TextEncoder().encode(auth.secret))
}
