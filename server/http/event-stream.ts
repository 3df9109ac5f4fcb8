/**
 * Responses that are event streams (WHATWG HTML, section 9.2).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, type Http2ServerResponse } from 'node:http2'
import type { Socket } from 'node:net'
import { reconnectLine, retryLine } from '../hub/frame.ts'
import type { Sink } from '../hub/session.ts'
import { writeHead } from './response.ts'
import { ResponseSink } from './response-sink.ts'

const headers = {
  // Without a charset: clients compare the whole value, and an event stream is UTF-8 anyway.
  'Content-Type': 'text/event-stream',
  // Keeps compressing middleware and development proxies from holding events back.
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
}

/** On the socket of an event stream: how many requests arrived on it since the stream started. */
const strayRequests = Symbol('stray requests')
/** Node keeps each unanswered request in memory. */
const maxStrayRequests = 8

interface StreamSocket extends Socket {
  [strayRequests]?: number
}

const retryFromMs = 3_000
const retryToMs = 10_000

/**
 * Sends the head at once, so that the client knows that it is connected, and detaches the socket: the stream is written to
 * the socket directly, and the stream's end is the connection's end (RFC 9112, section 6.3). So no write pays for framing
 * that event streams don't need, and the response does not stay in memory. Returns null when the client has gone,
 * or when the request was answered because there is no socket.
 */
export function startEventStream(res: ServerResponse): Sink | null {
  if (res.destroyed) return null
  if (res.req.httpVersionMajor > 1) return startHttp2Stream(res)
  res.useChunkedEncodingByDefault = false
  const socket = sendHead(res)
  if (!socket) return null
  res.detachSocket(socket)
  const stream: StreamSocket = socket
  stream[strayRequests] = 0
  return socket
}

/**
 * The same for a stream that has an end: it is sent in chunks, so that a client can tell a complete stream from one that broke
 * off. HTTP/1.0 knows no chunks.
 */
export function startChunkedEventStream(res: ServerResponse): Sink | null {
  const { httpVersionMajor, httpVersionMinor } = res.req
  if (res.destroyed) return null
  if (httpVersionMajor > 1) return startHttp2Stream(res, true)
  if (httpVersionMinor === 0) return startEventStream(res)
  const socket = sendHead(res, true)
  return socket && new ResponseSink(res, socket)
}

function sendHead(res: ServerResponse, hasEnd = false): Socket | null {
  const { socket } = res
  if (!socket) {
    // A pipelined request: the connection is still sending the response to another one.
    retryLater(res, hasEnd)
    return null
  }
  // What is written in the same tick goes out together with the head.
  socket.cork()
  queueMicrotask(() => socket.uncork())
  writeHead(res, 200, headers)
  res.flushHeaders()
  dropSecrets(res.req)
  return socket
}

/**
 * Node's HTTP server keeps a request until its response finishes, which here is never. What the stream no longer needs, and
 * what may be kilobytes, is dropped: cookies and tokens.
 */
function dropSecrets({ headers, rawHeaders }: IncomingMessage): void {
  delete headers.cookie
  delete headers.authorization
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (/^(cookie|authorization)$/i.test(rawHeaders[i] ?? '')) rawHeaders[i + 1] = ''
  }
}

/**
 * Returns whether a request arrived on the connection of an event stream. Such a request is not answered (RFC 9112,
 * section 9.6), and a client that keeps sending them is disconnected.
 */
export function isOnEventStream(req: IncomingMessage): boolean {
  const socket: StreamSocket = req.socket
  const count = socket[strayRequests]
  if (count === undefined) return false
  if (count === maxStrayRequests) socket.destroy()
  else socket[strayRequests] = count + 1
  return true
}

/**
 * HTTP/2 frames the stream itself, and ends only the stream, not the connection. A stream that has an end and breaks off before
 * it is reset.
 */
function startHttp2Stream(res: ServerResponse, hasEnd = false): Sink {
  const { stream } = res as unknown as Http2ServerResponse
  writeHead(res, 200, headers)
  res.flushHeaders()
  let isComplete = !hasEnd
  return Object.assign(stream, {
    complete() {
      isComplete = true
    },
    destroySoon() {
      if (isComplete) stream.end()
      else stream.write('', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR))
    },
  }) as unknown as Sink
}

/** Ends a stream that has started. Its client reconnects in 1 to 3 seconds. */
export function endEventStream(sink: Sink): void {
  sink.write(reconnectLine())
  sink.destroySoon()
}

/**
 * Answers a stream that can't be served now. EventSource never reconnects after a status other than 200. With `breaksOff` the
 * answer must not look complete, so its `Content-Length` promises one byte more than there is.
 */
export function retryLater(res: ServerResponse, breaksOff = false): void {
  const line = retryLine(retryFromMs, retryToMs)
  writeHead(res, 200, { ...headers, Connection: 'close', ...(breaksOff && { 'Content-Length': line.length + 1 }) })
  res.end(line)
}
