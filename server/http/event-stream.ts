/**
 * Responses that are event streams (WHATWG HTML, section 9.2).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { reconnectLine, retryLine } from '../hub/frame.ts'
import { writeHead } from './head.ts'

const headers = {
  // Without a charset: clients compare the value as a whole, and an event stream is UTF-8 anyway.
  'Content-Type': 'text/event-stream',
  // Keeps compressing middleware and development proxies from holding events back.
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
}

/** The connections that were given away, and how many requests came on each since. */
const given = new WeakMap<Socket, number>()
/** Node keeps each, as long as it is not answered. */
const maxStrays = 8

const laterFromMs = 3_000
const laterToMs = 10_000

/**
 * Sends the head at once, so that the client knows that it is connected, and gives the socket: what follows is written to
 * it as it is, and the end of the stream is the end of the connection (RFC 9112, section 6.3). So no write pays for a
 * framing that event streams don't need, and neither request nor response is kept. Null: there is no socket, and the request
 * is answered.
 */
export function startEventStream(res: ServerResponse): Socket | null {
  if (res.destroyed) return null
  const { socket } = res
  if (!socket) {
    // Sent ahead, while the answer to another request is still under way on the same connection.
    retryLater(res)
    return null
  }
  // What is written at once goes out together with the head.
  socket.cork()
  queueMicrotask(() => socket.uncork())
  res.useChunkedEncodingByDefault = false
  writeHead(res, 200, headers)
  res.flushHeaders()
  res.detachSocket(socket)
  given.set(socket, 0)
  return socket
}

/**
 * Whether a request came on the connection of an event stream: it is not answered (RFC 9112, section 9.6), and whoever
 * goes on asking there is cut off.
 */
export function isOnEventStream({ socket }: IncomingMessage): boolean {
  const strays = given.get(socket)
  if (strays === undefined) return false
  if (strays === maxStrays) socket.destroy()
  else given.set(socket, strays + 1)
  return true
}

/**
 * Why a stream cannot be had now: the server is leaving or has as many as it may, its client has, or the store does not
 * answer.
 */
export type StreamRefusal = 'draining' | 'full' | 'limit' | 'store'

/** Ends a stream that has begun, so that its client comes back. */
export function retrySoon(socket: Socket): void {
  socket.write(reconnectLine())
  socket.destroySoon()
}

/** An `EventSource` gives up for good at any status but 200, so a stream that cannot be had now says when to come back. */
export function retryLater(res: ServerResponse): void {
  writeHead(res, 200, { ...headers, Connection: 'close' })
  res.end(retryLine(laterFromMs, laterToMs))
}
