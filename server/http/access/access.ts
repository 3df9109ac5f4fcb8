/**
 * Authenticates a request and checks what its caller may do.
 */
import type { IncomingMessage } from 'node:http'
import { queryOf } from '../body.ts'
import { type IsAllowedOrigin, refuseOtherOrigins } from '../origin.ts'
import { Problem } from '../problem.ts'
import { type Caller, canActAs, canEnter, everyone, hasScope, type Scope } from './caller.ts'
import { unauthorized, type Verifier } from './verifier.ts'

/** Returns who sends the request. Rejects with a `Problem`: 401, 403, or 503 when tokens can't be checked now. */
export type Authenticate = (req: IncomingMessage) => Promise<Caller>

/** Without a verifier, every request is allowed everything. */
export function createAuthenticate(verifier: Verifier | null, isAllowed: IsAllowedOrigin): Authenticate {
  return async function authenticate(req) {
    const isChange = req.method !== 'GET' && req.method !== 'HEAD'
    // A foreign page can't make a browser send a bearer token.
    if (isChange && !hasBearer(req)) refuseOtherOrigins(req, isAllowed)
    if (!verifier) return everyone
    const token = tokenOf(req)
    if (!token) throw unauthorized()
    if (isChange && token.isCookie && req.headers.origin === undefined) {
      throw new Problem(403, 'With the token in a cookie, this request needs an "Origin" header, as browsers send it.')
    }
    return verifier.verify(token.text)
  }
}

/** Throws a 403 `Problem` that says what the token lacks: the scope or the room. */
export function authorize(caller: Caller, scope: Scope, room: string | undefined): void {
  if (!hasScope(caller, scope)) throw new Problem(403, `The token's "scope" claim lacks "${scope}".`)
  if (room !== undefined && !canEnter(caller, room)) {
    throw new Problem(403, `The token's "rooms" claim does not include the room "${room}".`)
  }
}

/** Throws a 403 `Problem` when the caller may not act for this collaborator. */
export function authorizeUser(caller: Caller, user: string | undefined): void {
  if (canActAs(caller, user)) return
  const detail =
    user === undefined
      ? 'The token names no collaborator: it needs a "sub" claim, or the scope "location:write-any".'
      : `The token's "sub" claim is not the user "${user}". To act for other users, it needs the scope "location:write-any".`
  throw new Problem(403, detail)
}

interface Token {
  text: string
  /** Browsers also send cookies with requests that a foreign page makes. */
  isCookie: boolean
}

const bearer = /^Bearer +(.*)$/i
const cookie = /(?:^|;\s*)colocate_token=([^;]*)/

function hasBearer({ headers }: IncomingMessage): boolean {
  return bearer.test(headers.authorization ?? '')
}

/** A token given for this request comes before the cookie, which the browser sends with every request. */
function tokenOf(req: IncomingMessage): Token | null {
  const { method, headers } = req
  const text =
    bearer.exec(headers.authorization ?? '')?.[1] ?? (method === 'GET' ? queryOf(req).get('access_token') : null)
  if (text !== null) return { text, isCookie: false }
  const kept = cookie.exec(headers.cookie ?? '')?.[1]
  return kept === undefined ? null : { text: kept, isCookie: true }
}
