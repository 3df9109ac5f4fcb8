/**
 * What pages of other origins may do: those on the operator's list everything, the others nothing (Fetch, section 3.3).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { writeHead } from './head.ts'

const preflight = {
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, DELETE',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type, Last-Event-ID',
  // As long as browsers keep it: every POST of JSON would be two requests.
  'Access-Control-Max-Age': 7_200,
}

/** Sets what browsers look for. Returns whether it was a preflight, which is then answered. */
export function answerCors(req: IncomingMessage, res: ServerResponse, allowed: readonly string[]): boolean {
  if (allowed.length === 0) return false
  // With every answer, so that no cache gives one origin's to another.
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
