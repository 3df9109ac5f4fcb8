/**
 * What cannot be read as a request at all: it has no route, but a problem as its answer like any other, and no second chance.
 */
import { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { isOnEventStream } from './event-stream.ts'
import { Problem, sendProblem } from './problem.ts'

const problems: Record<string, [status: number, detail: string]> = {
  HPE_HEADER_OVERFLOW: [431, 'The request’s target and headers are too long.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunk extensions are too long.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long.'],
}

export function answerMalformedRequest({ code = '' }: NodeJS.ErrnoException, socket: Socket): void {
  const req = new IncomingMessage(socket)
  if (!socket.writable || code === 'ECONNRESET' || isOnEventStream(req)) return void socket.destroy()
  const [status, detail] = problems[code] ?? [400, 'This is no HTTP request.']
  try {
    const res = new ServerResponse(req)
    res.assignSocket(socket)
    sendProblem(res, new Problem(status, detail, { headers: { Connection: 'close' } }))
    socket.end()
  } catch {
    // The answer to another request is under way on it.
    socket.destroy()
  }
}
