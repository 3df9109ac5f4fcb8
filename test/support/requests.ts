/**
 * Requests at the level of HTTP: an unchanged path, any body, and the complete answer.
 */
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'
import { expect } from '@jest/globals'
import type { Location } from '../../web/wire.ts'

/** The fields of all answers, including problems. */
export interface Body {
  id?: string
  ids?: string[]
  user?: string
  stale?: boolean
  room?: string
  lastEventId?: string
  locations?: Location[]
  type?: string
  title?: string
  status?: number | string
  detail?: string
  errors?: { path: string; message: string }[]
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
  body: Body
}

export interface RequestParts {
  /** Replace the default headers of the body. A header with the value undefined is not sent. */
  headers?: Record<string, string | undefined>
  /** A body that is sent unchanged. */
  bytes?: string | Uint8Array
  /** Chunks that are sent one after another, without a Content-Length. */
  chunks?: (string | Uint8Array)[]
  /** A value that is sent as JSON. */
  json?: unknown
}

/** Sends a request on a new connection. Rejects if there is no answer. */
export function send(port: number, method: string, path: string, parts: RequestParts = {}): Promise<Answer> {
  const bytes = parts.json === undefined ? parts.bytes : JSON.stringify(parts.json)
  const given: Record<string, string | number | undefined> = {
    ...((bytes ?? parts.chunks) !== undefined && { 'content-type': 'application/json' }),
    ...(bytes !== undefined && { 'content-length': Buffer.byteLength(bytes) }),
    ...parts.headers,
  }
  const headers: OutgoingHttpHeaders = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  )
  return new Promise((resolve, reject) => {
    const req = request({ port, host: '127.0.0.1', method, path, headers, agent: false })
    req.on('response', res => {
      let text = ''
      res.setEncoding('utf8')
      res.on('data', part => {
        text += part
      })
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text, body: bodyOf(text) }))
      res.on('error', reject)
    })
    // After the head of the answer, an error only means that the server did not read the rest of the body.
    req.on('error', reject)
    for (const chunk of parts.chunks ?? []) req.write(chunk)
    req.end(bytes)
  })
}

/** Expects a problem in the format of RFC 9457 that reveals nothing about the implementation. */
export function expectProblem({ status, headers, body, text }: Answer, expected: number): void {
  expect({ status, type: headers['content-type'], body }).toEqual({
    status: expected,
    type: 'application/problem+json',
    body: expect.objectContaining({
      type: expect.any(String),
      title: expect.stringMatching(/./),
      status: expected,
      detail: expect.stringMatching(/./),
    }),
  })
  expect(text).not.toMatch(/stack|node_modules|dist\/server|\.(js|ts):\d/)
  if (body.errors)
    for (const error of body.errors)
      expect(error).toEqual({ path: expect.any(String), message: expect.stringMatching(/./) })
}

function bodyOf(text: string): Body {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}
