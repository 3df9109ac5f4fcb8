/**
 * Errors as clients see them: problem details (RFC 9457). Whatever else was thrown is our fault, and stays in our log.
 */
import { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Logger } from 'pino'
import { Unavailable } from '../broker/broker.ts'
import { writeHead } from './head.ts'

interface Issue {
  /** Where in the body, like `1.meta`; empty for the body itself. */
  path: string
  message: string
}

/** What a server that was called said; `status` 0: nothing. */
interface UpstreamAnswer {
  status: number
  body: string
}

export class Problem extends Error {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly errors: Issue[] | undefined
  readonly upstream: UpstreamAnswer | undefined

  constructor(
    status: number,
    detail: string,
    more: { headers?: OutgoingHttpHeaders; errors?: Issue[]; upstream?: UpstreamAnswer } = {},
  ) {
    super(detail)
    this.status = status
    this.headers = more.headers ?? {}
    this.errors = more.errors
    this.upstream = more.upstream
  }
}

/** For what cannot be had now, but soon. */
export function unavailable(detail: string): Problem {
  return new Problem(503, detail, { headers: { 'Retry-After': 1 } })
}

/** The problem that an error is to the client. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof Unavailable) {
    return unavailable('The log does not answer at present. Ask again; a location with a `seq` is not published twice.')
  }
  if (isClientError(error)) return new Problem(error.status, 'The request could not be read.')
  return new Problem(500, 'Something went wrong here.')
}

/** Ends a request that failed. */
export function answerError(error: unknown, req: IncomingMessage, res: ServerResponse, log: Logger): void {
  const problem = problemOf(error)
  const path = req.url?.split('?', 1)[0]
  if (problem.status === 500) log.error({ err: error, method: req.method, path }, 'request failed')
  if (res.headersSent) res.destroy()
  else sendProblem(res, problem)
}

export function sendProblem(res: ServerResponse, { status, message, headers, errors, upstream }: Problem): void {
  const title = STATUS_CODES[status] ?? 'Error'
  const body = JSON.stringify({ type: 'about:blank', title, status, detail: message, errors, upstream })
  writeHead(res, status, {
    ...headers,
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    'Content-Length': Buffer.byteLength(body),
  })
  res.end(body)
}

/** Express's own refusals, like a path that is not percent-encoded rightly. */
function isClientError(error: unknown): error is { status: number } {
  const status = (error as { status?: unknown } | null)?.status
  return typeof status === 'number' && status >= 400 && status < 500
}
