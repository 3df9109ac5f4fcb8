/**
 * Which origins may change something, and under which host names a server in open mode answers.
 */
import type { IncomingMessage } from 'node:http'
import { Problem } from './problem.ts'

/** Whether pages of an origin may do everything: those of CORS_ORIGINS. */
export type IsAllowedOrigin = (origin: string) => boolean

const loopbackHost = /^(([a-z0-9-]+\.)*localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i
const loopbackAddress = /^(::ffff:)?127\.|^::1$/i
const loopbackOrigin = /^https?:\/\/(([a-z0-9-]+\.)*localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/

/**
 * `*` in an origin stands for one or more labels of a host name: `https://*.example.com` allows every subdomain. In open
 * mode, every loopback origin is allowed: development servers are there.
 */
export function createAllowedOrigins(origins: readonly string[], isOpenMode: boolean): IsAllowedOrigin {
  const exact = new Set(origins)
  const patterns = origins.filter(origin => origin.includes('*')).map(patternOf)
  return origin =>
    exact.has(origin) || patterns.some(pattern => pattern.test(origin)) || (isOpenMode && loopbackOrigin.test(origin))
}

/** Throws a 403 `Problem` for another page's origin. A request without `Origin` comes from no page (Fetch, section 3.1). */
export function refuseOtherOrigins({ headers }: IncomingMessage, isAllowed: IsAllowedOrigin): void {
  const { origin } = headers
  const host = headers.host ?? headers[':authority']?.toString()
  if (origin === undefined || isAllowed(origin)) return
  if (/^https?:/.test(origin) && URL.canParse(origin) && host !== undefined) {
    const page = new URL(origin)
    if (page.host === hostOf(host, page.protocol)) return
  }
  throw new Problem(
    403,
    `The origin "${shortened(origin)}" may not change anything: its host is not the request's host "${shortened(host ?? '')}", and it is not in CORS_ORIGINS. Add it there, or make the proxy pass the browser's Host header on.`,
  )
}

/**
 * For a server in open mode. Throws a 403 `Problem` for a host that is not loopback: a page that makes its own name
 * resolve to this machine (DNS rebinding) still sends that name. A request without `Host` comes from no browser.
 */
export function refuseOtherHosts({ headers, socket }: IncomingMessage): void {
  if (!loopbackAddress.test(socket.remoteAddress ?? '')) {
    throw new Problem(
      403,
      'In open mode the server answers only to requests from its own machine. Configure tokens, "authorize", or AUTH=off.',
    )
  }
  const host = headers.host ?? headers[':authority']?.toString()
  if (host === undefined || loopbackHost.test(host)) return
  throw new Problem(
    403,
    `In open mode the server answers only to localhost, not to "${shortened(host)}". Set AUTH_SECRET, AUTH_JWKS_URL or AUTH=off to use another host name.`,
  )
}

function patternOf(origin: string): RegExp {
  const [before = '', after = ''] = origin.split('*').map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${before}([a-z0-9-]+\\.)*[a-z0-9-]+${after}$`)
}

/** A `Host` header as URLs write it: in lower case, without the scheme's default port. */
function hostOf(host: string, scheme: string): string {
  const url = `${scheme}//${host}`
  return URL.canParse(url) ? new URL(url).host : host
}

function shortened(value: string): string {
  return value.length > 100 ? `${value.slice(0, 100)}…` : value
}
