/**
 * Where a request carries its token. Whether the token is any good is not looked at.
 */
import type { IncomingMessage } from 'node:http'
import { queryOf } from '../query.ts'

export interface Token {
  text: string
  /** A browser sends its cookies with requests that a foreign page made, too. */
  isCookie: boolean
}

const bearer = /^Bearer +(.*)$/i
const cookie = /(?:^|;\s*)colocate_token=([^;]*)/

/** What was said for this request comes before what the browser keeps for all. */
export function tokenOf(req: IncomingMessage): Token | null {
  const { method, headers } = req
  const text =
    bearer.exec(headers.authorization ?? '')?.[1] ?? (method === 'GET' ? queryOf(req).get('access_token') : null)
  if (text !== null) return { text, isCookie: false }
  const kept = cookie.exec(headers.cookie ?? '')?.[1]
  return kept === undefined ? null : { text: kept, isCookie: true }
}
