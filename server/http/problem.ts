/**
 * Errors as clients see them: problem details (RFC 9457). Any other error is a bug; it stays in the log.
 */
import { type OutgoingHttpHeaders, type ServerResponse, STATUS_CODES } from 'node:http'
import { Unavailable } from '../broker/broker.ts'
import { writeHead } from './response.ts'

interface Issue {
  /** Where in the body, like `1.meta`; empty for the body itself. */
  path: string
  message: string
}

/** What an upstream answered; `status` 0 means that it did not answer. */
interface UpstreamAnswer {
  status: number
  body: string
}

/**
 * Why a stream can't be served now: the server is draining, has as many streams as it may have, the client or the
 * collaborator has, or the store can't be reached.
 */
export const streamRefusals = ['draining', 'full', 'limit', 'store'] as const
export type StreamRefusal = (typeof streamRefusals)[number]

interface ProblemOptions {
  headers?: OutgoingHttpHeaders
  errors?: Issue[]
  upstream?: UpstreamAnswer
  /** For the metrics, when a stream is refused with a 503. */
  refusal?: StreamRefusal
  /** For the log. */
  cause?: unknown
}

export class Problem extends Error {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly errors: Issue[] | undefined
  readonly upstream: UpstreamAnswer | undefined
  readonly refusal: StreamRefusal

  /** `detail` is plain English for the client's developer and names what to change. */
  constructor(status: number, detail: string, { headers, errors, upstream, refusal, cause }: ProblemOptions = {}) {
    super(detail, { cause })
    this.status = status
    this.headers = headers ?? {}
    this.errors = errors
    this.upstream = upstream
    this.refusal = refusal ?? 'store'
  }
}

/** A 503 `Problem`: the same request may succeed in a second. */
export function unavailable(detail: string, options: Pick<ProblemOptions, 'refusal' | 'cause'> = {}): Problem {
  return new Problem(503, detail, { headers: { 'Retry-After': 1 }, ...options })
}

/** A limit: `quota` in each `seconds`. */
export interface RatePolicy {
  name: string
  quota: number
  seconds: number
}

/** A 429 `Problem` (draft-ietf-httpapi-ratelimit-headers). */
export function tooManyRequests(detail: string, { name, quota, seconds }: RatePolicy, waitMs: number): Problem {
  const waitSeconds = Math.max(1, Math.ceil(waitMs / 1_000))
  return new Problem(429, detail, {
    headers: {
      'Retry-After': waitSeconds,
      'RateLimit-Policy': `"${name}";q=${quota};w=${seconds}`,
      RateLimit: `"${name}";r=0;t=${waitSeconds}`,
    },
  })
}

/** The problem that an error is to the client. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof Unavailable) {
    const detail =
      'The log can\'t be read or written now. Send the request again; with "seq" a location is never published twice.'
    return unavailable(detail, { cause: error.cause ?? error })
  }
  return new Problem(500, 'The server failed to process the request. Its log has the error.', { cause: error })
}

export function sendProblem(res: ServerResponse, { status, message, headers, errors, upstream }: Problem): void {
  const title = STATUS_CODES[status] ?? 'Error'
  const body = JSON.stringify({ type: 'about:blank', title, status, detail: message, errors, upstream })
  writeHead(res, status, {
    ...headers,
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    'Content-Length': Buffer.byteLength(body),
  }).end(body)
}
