/**
 * Responses that are event streams (WHATWG HTML, section 9.2).
 */
import type { ServerResponse } from 'node:http'
import { retryLine } from '../hub/frame.ts'

const headers = {
  // Without a charset: clients compare the value as a whole, and an event stream is UTF-8 anyway.
  'Content-Type': 'text/event-stream',
  // Keeps compressing middleware and development proxies from holding events back.
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
}

const laterFromMs = 3_000
const laterToMs = 10_000

/** Sends the head at once, so that the client knows that it is connected. Null: the client has gone. */
export function startEventStream(res: ServerResponse): ServerResponse | null {
  if (res.destroyed) return null
  res.writeHead(200, headers)
  res.flushHeaders()
  return res
}

/** An `EventSource` gives up for good at any status but 200, so a stream that cannot be had now says when to come back. */
export function comeBackLater(res: ServerResponse): void {
  res.writeHead(200, { ...headers, Connection: 'close' })
  res.end(retryLine(laterFromMs, laterToMs))
}
