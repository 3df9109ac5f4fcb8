/**
 * helmet's headers. They are the same for every answer, so helmet is asked once.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import helmet from 'helmet'

// The page may stand on plain http: its own requests must not be sent to https.
const setHeaders = helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } })

export function securityHeaders(): Map<string, string> {
  const headers = new Map<string, string>()
  const response = { setHeader: (name: string, value: string) => headers.set(name, value), removeHeader() {} }
  setHeaders({} as IncomingMessage, response as unknown as ServerResponse, error => {
    if (error) throw error
  })
  return headers
}
