/**
 * Finds the token in a request. Does not look at the token itself.
 */
import type { IncomingMessage } from 'node:http'
import { queryOf } from '../body.ts'

export interface Token {
  text: string
  /** Browsers also send cookies with requests that a foreign page makes. */
  isCookie: boolean
}

const bearer = /^Bearer +(.*)$/i
const cookie = /(?:^|;\s*)colocate_token=([^;]*)/

export function hasBearer({ headers }: IncomingMessage): boolean {
  return bearer.test(headers.authorization ?? '')
}

/** A token given for this request comes before the cookie, which the browser sends with every request. */
export function tokenOf(req: IncomingMessage): Token | null {
  const { method, headers } = req
  const text =
    bearer.exec(headers.authorization ?? '')?.[1] ?? (method === 'GET' ? queryOf(req).get('access_token') : null)
  if (text !== null) return { text, isCookie: false }
  const kept = cookie.exec(headers.cookie ?? '')?.[1]
  return kept === undefined ? null : { text: kept, isCookie: true }
}
