/**
 * CORS (Fetch, section 3.3): pages of the origins in CORS_ORIGINS may do everything, pages of other origins nothing.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { writeHead } from './response.ts'

const preflight = {
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, DELETE',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type, Last-Event-ID',
  // As long as browsers keep it: without it, each POST of JSON would be two requests.
  'Access-Control-Max-Age': 7_200,
}

/** Sets the CORS headers. Answers a preflight and returns true; returns false for any other request. */
export function answerCors(req: IncomingMessage, res: ServerResponse, allowed: readonly string[]): boolean {
  if (allowed.length === 0) return false
  // On every response, so that no cache serves one origin's response to another.
  res.setHeader('Vary', 'Origin')
  const { origin } = req.headers
  if (origin === undefined || !allowed.includes(origin)) return false
  res.setHeader('Access-Control-Allow-Origin', origin)
  res.setHeader('Access-Control-Allow-Credentials', 'true')
  res.setHeader('Access-Control-Expose-Headers', 'Location, Retry-After, RateLimit')
  if (req.method !== 'OPTIONS' || req.headers['access-control-request-method'] === undefined) return false
  writeHead(res, 204, preflight).end()
  return true
}
