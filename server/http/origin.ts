/**
 * Which pages may change something here: the server's own, and those of the operator's list.
 */
import type { IncomingMessage } from 'node:http'
import { Problem } from './problem.ts'

/** Throws a 403 `Problem` for another page's origin. A request without one comes from no page (Fetch, section 3.1). */
export function refuseOtherOrigins({ headers }: IncomingMessage, allowed: readonly string[]): void {
  const { origin, host } = headers
  if (origin === undefined || allowed.includes(origin)) return
  if (/^https?:/.test(origin) && URL.canParse(origin) && host !== undefined) {
    const page = new URL(origin)
    if (page.host === hostOf(host, page.protocol)) return
  }
  throw new Problem(403, 'Pages of this origin may not change anything here.')
}

/** A Host header as URLs write it: lower case, without the port that is the scheme's own. */
function hostOf(host: string, scheme: string): string {
  const url = `${scheme}//${host}`
  return URL.canParse(url) ? new URL(url).host : host
}
