/**
 * A request's query: all that follows the first question mark (RFC 3986, section 3.4).
 */
import type { IncomingMessage } from 'node:http'

export function queryOf({ url = '' }: IncomingMessage): URLSearchParams {
  const at = url.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
}
