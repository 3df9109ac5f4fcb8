/**
 * The head of an answer. Whatever is answered here begins with `writeHead`, so that helmet's headers are on all of it.
 */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import helmet from 'helmet'

/**
 * For what is not answered here but by a library. The page may stand on plain http: its own requests must not be sent
 * to https.
 */
export const setSecurityHeaders = helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } })

const security = securityHeaders()

/** Helmet's headers are the same for every answer. As a list they cost a third of what it costs to set each. */
export function writeHead(res: ServerResponse, status: number, headers: OutgoingHttpHeaders = {}): ServerResponse {
  const list = [...security]
  for (const name in headers) list.push(name, headers[name])
  return res.writeHead(status, list as string[])
}

function securityHeaders(): OutgoingHttpHeaders[string][] {
  const list: OutgoingHttpHeaders[string][] = []
  const response = { setHeader: (name: string, value: string) => list.push(name, value), removeHeader() {} }
  setSecurityHeaders({} as IncomingMessage, response as unknown as ServerResponse, error => {
    if (error) throw error
  })
  return list
}
