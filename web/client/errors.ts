/**
 * The error that a server's refusal becomes.
 */

/** `unauthorized`: 401. `forbidden`: 403. `not-found`: 404. `invalid`: every other request that the server refuses for good. */
export type ErrorCode = 'unauthorized' | 'forbidden' | 'not-found' | 'invalid'

const codes: Record<number, ErrorCode> = { 401: 'unauthorized', 403: 'forbidden', 404: 'not-found' }

export class ColocateError extends Error {
  override readonly name = 'ColocateError'
  /** The HTTP status; 0 when no request was sent. */
  readonly status: number
  /** What is wrong and what to change, in English. */
  readonly detail: string
  readonly code: ErrorCode

  constructor(status: number, detail: string, options?: ErrorOptions & { code?: ErrorCode }) {
    super(detail, options)
    this.status = status
    this.detail = detail
    this.code = options?.code ?? codes[status] ?? 'invalid'
  }
}

interface Problem {
  detail?: string
  errors?: { path: string; message: string }[]
}

/** Reads the problem (RFC 9457) in the body of a refusal. */
export async function errorOf(response: Response): Promise<ColocateError> {
  const problem: Problem = (await response.json().catch(() => undefined)) ?? {}
  const text = problem.detail || `The server answered HTTP ${response.status}.`
  const fields = problem.errors?.map(({ path, message }) => `${path} ${message}`) ?? []
  return new ColocateError(response.status, [text, ...fields].join(' '))
}
