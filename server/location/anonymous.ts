/**
 * Anonymous collaborators: a request that names no user is known by a cookie.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { nanoid } from 'nanoid'

const cookieName = 'colocate_user'
const cookiePattern = new RegExp(`(?:^|;\\s*)${cookieName}=([\\w-]{21})(?:;|$)`)
const maxAgeSeconds = 365 * 24 * 60 * 60

export function anonymousUser(req: IncomingMessage): string | undefined {
  const user = cookiePattern.exec(req.headers.cookie ?? '')?.[1]
  // A copy: V8 keeps the whole header for a part of it, and a stream keeps its user.
  return user && Buffer.from(user).toString()
}

/** Draws a user id and sets the cookie that keeps it. */
export function createAnonymousUser(res: ServerResponse): string {
  const user = nanoid()
  res.setHeader('Set-Cookie', `${cookieName}=${user}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax`)
  return user
}
