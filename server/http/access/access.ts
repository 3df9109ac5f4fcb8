/**
 * Who asks: every request that needs a right goes through here first, whatever routed it.
 */
import type { IncomingMessage } from 'node:http'
import { refuseOtherOrigins } from '../origin.ts'
import { Problem } from '../problem.ts'
import { type Caller, everyone } from './caller.ts'
import { tokenOf } from './token.ts'
import { unauthorized, type Verifier } from './verifier.ts'

/** Rejects with a `Problem`: 401, 403, or 503 when tokens cannot be checked at present. */
export type Access = (req: IncomingMessage) => Promise<Caller>

/** Without a verifier it is open to everyone. */
export function createAccess(verifier: Verifier | null, corsOrigins: readonly string[]): Access {
  return async req => {
    const isChange = req.method !== 'GET' && req.method !== 'HEAD'
    if (isChange) refuseOtherOrigins(req, corsOrigins)
    if (!verifier) return everyone
    const token = tokenOf(req)
    if (!token) throw unauthorized()
    if (isChange && token.isCookie && req.headers.origin === undefined) {
      throw new Problem(403, 'With a token in a cookie, a request that changes something needs an Origin.')
    }
    return verifier.verify(token.text)
  }
}

export function refuseUnless(isAllowed: boolean): void {
  if (!isAllowed) throw new Problem(403, 'The token does not give the right to this.')
}
