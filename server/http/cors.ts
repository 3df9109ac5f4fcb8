/**
 * CORS (Fetch, section 3.3): pages of an allowed origin may send everything and read everything, other pages nothing.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { IsAllowedOrigin } from './origin.ts'
import { writeHead } from './response.ts'

const preflight = {
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, DELETE',
  // As long as browsers keep it: without it, each POST of JSON would be two requests.
  'Access-Control-Max-Age': 7_200,
}

/** Sets the CORS headers. Answers a preflight and returns true; returns false for any other request. */
export function answerCors(req: IncomingMessage, res: ServerResponse, isAllowed: IsAllowedOrigin): boolean {
  const { origin } = req.headers
  if (origin === undefined || !isAllowed(origin)) return false
  res.setHeader('Access-Control-Allow-Origin', origin)
  res.setHeader('Access-Control-Allow-Credentials', 'true')
  res.setHeader('Access-Control-Expose-Headers', 'Location, Retry-After, RateLimit')
  if (req.method !== 'OPTIONS' || req.headers['access-control-request-method'] === undefined) return false
  // With credentials, `*` would be a header of that name. Libraries such as Sentry and OpenTelemetry add their own.
  const asked = req.headers['access-control-request-headers']
  writeHead(res, 204, { ...preflight, ...(asked && { 'Access-Control-Allow-Headers': asked }) }).end()
  return true
}
