/**
 * The head of an answer. Whatever is answered here begins with `writeHead`, so that helmet's headers are on all of it.
 */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import helmet from 'helmet'

/** The page may stand on plain http: its own requests must not be sent to https. */
const setHelmets = helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } })

const security = securityHeaders()

/** Once the process is leaving: on a kept connection its client would come straight back. */
let endsConnections = false

/** Makes every answer that begins from now on the last on its connection. */
export function endConnections(): void {
  endsConnections = true
}

/** For what is not answered here but by a library. */
export function setSecurityHeaders(req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void): void {
  if (endsConnections) res.shouldKeepAlive = false
  setHelmets(req, res, next)
}

/** Helmet's headers are the same for every answer. As a list they cost a third of what it costs to set each. */
export function writeHead(res: ServerResponse, status: number, headers: OutgoingHttpHeaders = {}): ServerResponse {
  if (endsConnections) res.shouldKeepAlive = false
  const list = [...security]
  for (const name in headers) list.push(name, headers[name])
  return res.writeHead(status, list as string[])
}

function securityHeaders(): OutgoingHttpHeaders[string][] {
  const list: OutgoingHttpHeaders[string][] = []
  const response = { setHeader: (name: string, value: string) => list.push(name, value), removeHeader() {} }
  setHelmets({} as IncomingMessage, response as unknown as ServerResponse, error => {
    if (error) throw error
  })
  return list
}
