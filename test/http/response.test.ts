/** The security headers, compared with helmet's own. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { expect, test } from '@jest/globals'
import helmet from 'helmet'
import { securityHeaders } from '../../server/http/response.ts'

test('the security headers are those of helmet, without HSTS and the upgrade to HTTPS', () => {
  const headers: string[] = []
  const setHeaders = helmet({
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
    strictTransportSecurity: false,
  })
  const response = { setHeader: (name: string, value: string) => headers.push(name, value), removeHeader() {} }
  setHeaders({} as IncomingMessage, response as unknown as ServerResponse, error => expect(error).toBeUndefined())
  expect(securityHeaders).toEqual(headers)
})
