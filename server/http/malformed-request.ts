/**
 * Answers bytes that are not an HTTP request: a problem like any other, then the end of the connection.
 */
import { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { isOnEventStream } from './event-stream.ts'
import { Problem, sendProblem } from './problem.ts'

const problems: Record<string, [status: number, detail: string]> = {
  HPE_HEADER_OVERFLOW: [431, "The request's URL and headers together must be at most 16 KiB."],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunk extensions are too long. Leave them out.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request was not complete in time. Send it again.'],
}

export function answerMalformedRequest({ code = '' }: NodeJS.ErrnoException, socket: Socket): void {
  const req = new IncomingMessage(socket)
  if (!socket.writable || code === 'ECONNRESET' || isOnEventStream(req)) return void socket.destroy()
  const [status, detail] = problems[code] ?? [
    400,
    'This is not a valid HTTP/1.1 request. Check the client or the proxy that sent it.',
  ]
  const res = new ServerResponse(req)
  try {
    res.assignSocket(socket)
  } catch (error) {
    // The connection is still sending the response to another request.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_HTTP_SOCKET_ASSIGNED') throw error
    return void socket.destroy()
  }
  sendProblem(res, new Problem(status, detail, { headers: { Connection: 'close' } }))
  socket.end()
}
