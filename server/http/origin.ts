/**
 * Refuses requests that a browser sent for a page of another origin, or under a name that is not this server's.
 */
import type { IncomingMessage } from 'node:http'
import { Problem } from './problem.ts'

const loopback = /^(([a-z0-9-]+\.)*localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i

/** Throws a 403 `Problem` for another page's origin. A request without `Origin` comes from no page (Fetch, section 3.1). */
export function refuseOtherOrigins({ headers }: IncomingMessage, allowed: readonly string[]): void {
  const { origin, host } = headers
  if (origin === undefined || allowed.includes(origin)) return
  if (/^https?:/.test(origin) && URL.canParse(origin) && host !== undefined) {
    const page = new URL(origin)
    if (page.host === hostOf(host, page.protocol)) return
  }
  throw new Problem(
    403,
    `The origin "${shortened(origin)}" may not change anything: it is not the server's own ("${shortened(host ?? '')}") and not in CORS_ORIGINS.`,
  )
}

/**
 * For a server in open mode. Throws a 403 `Problem` for a host that is not loopback: a page that makes its own name
 * resolve to this machine (DNS rebinding) still sends that name. A request without `Host` comes from no browser.
 */
export function refuseOtherHosts({ headers }: IncomingMessage): void {
  if (headers.host === undefined || loopback.test(headers.host)) return
  throw new Problem(
    403,
    'In open mode the server answers only to localhost. Set AUTH_SECRET, AUTH_JWKS_URL or AUTH=off to use another host name.',
  )
}

/** A `Host` header as URLs write it: in lower case, without the scheme's default port. */
function hostOf(host: string, scheme: string): string {
  const url = `${scheme}//${host}`
  return URL.canParse(url) ? new URL(url).host : host
}

function shortened(value: string): string {
  return value.length > 100 ? `${value.slice(0, 100)}…` : value
}
