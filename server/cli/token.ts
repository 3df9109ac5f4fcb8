/**
 * `colocate token`: a JWT for development, signed with the AUTH_SECRET that the server verifies it with.
 */
import { parseArgs } from 'node:util'
import { SignJWT } from 'jose'
import type { Auth } from '../config/config.ts'

const options = {
  sub: { type: 'string' },
  name: { type: 'string' },
  color: { type: 'string' },
  rooms: { type: 'string', default: '*' },
  scope: { type: 'string', default: 'location:read location:write' },
  expires: { type: 'string', default: '1h' },
} as const

/** `--rooms` is separated by commas; `--expires` is a duration such as `90s`, `15m`, `1h` or `7d`. Rejects invalid arguments. */
export async function makeToken(args: string[], auth: Auth): Promise<string> {
  if (auth.kind !== 'secret') throw new Error('set AUTH_SECRET, which signs the token')
  const { sub, name, color, rooms, scope, expires } = parseArgs({ args, options }).values
  const { issuer, audience } = auth.expected
  const expected = { ...(issuer !== undefined && { iss: issuer }), ...(audience !== undefined && { aud: audience }) }
  return new SignJWT({ ...(sub !== undefined && { sub }), name, color, rooms: rooms.split(','), scope, ...expected })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt()
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(auth.secret))
}
