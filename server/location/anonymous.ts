/**
 * Who is asking, when they do not say: an anonymous collaborator, known by a cookie.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { nanoid } from 'nanoid'

const cookieName = 'colocate_user'
const cookiePattern = new RegExp(`(?:^|;\\s*)${cookieName}=([\\w-]{21})(?:;|$)`)
const maxAgeSeconds = 365 * 24 * 60 * 60

export function anonymousUser(req: IncomingMessage): string | undefined {
  return cookiePattern.exec(req.headers.cookie ?? '')?.[1]
}

/** The same browser's id, or a new one that its cookie then keeps. */
export function knownOrNewUser(req: IncomingMessage, res: ServerResponse): string {
  const known = anonymousUser(req)
  if (known) return known
  const user = nanoid()
  res.setHeader('Set-Cookie', `${cookieName}=${user}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax`)
  return user
}
