/**
 * Reads what a request carries: its query, or its JSON body within a byte limit. Checks it against a schema.
 */
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { z } from 'zod'
import { Problem } from './problem.ts'
import type { BodyOptions } from './route.ts'

const defaultMaxBytes = 16 * 1024
const maxBatchBytes = 1024 * 1024
/** How much past the limit is read and discarded, so that a client that is still sending can read the answer. */
const maxExcessBytes = 4 * maxBatchBytes

/** Returns the validated body. Rejects with a `Problem`: 400, 413 or 415. */
export async function readBody<T>(req: IncomingMessage, { schema, batch, maxBytes }: BodyOptions<T>): Promise<T> {
  refuseOtherTypes(req)
  const limit = maxBytes ?? defaultMaxBytes
  const parsed = parsedBody(req)
  if (parsed !== undefined) {
    refuseLongParsed(req, parsed, limit)
    return checkBody(schema, batch, parsed)
  }
  const bytes = await readBytes(req, limit)
  if (bytes.length === 0) throw new Problem(400, 'The body is empty. It must be JSON.')
  if (!isUtf8(bytes)) throw new Problem(400, 'The body is not valid UTF-8. It must be JSON in UTF-8.')
  return checkBody(schema, batch, parse(bytes.toString()))
}

/** The body that a parser of the host application has read: an object, or the bytes or text of one. */
function parsedBody(req: IncomingMessage & { body?: unknown }): unknown {
  if (!req.readableEnded || req.body === undefined) return undefined
  return typeof req.body === 'string' || Buffer.isBuffer(req.body) ? parse(req.body.toString()) : req.body
}

/**
 * Refuses a body that the application's parser has read, if it is longer than Colocate allows. Without Content-Length,
 * its length is that of the parsed value as JSON.
 */
function refuseLongParsed(req: IncomingMessage, value: unknown, maxBytes: number): void {
  const limit = Array.isArray(value) ? maxBatchBytes : maxBytes
  const length = req.headers['content-length'] ?? Buffer.byteLength(JSON.stringify(value))
  if (Number(length) > limit) throw tooLong(limit)
}

function tooLong(limit: number, headers?: OutgoingHttpHeaders): Problem {
  return new Problem(413, `The body is too long: at most ${limit} bytes are allowed here.`, headers && { headers })
}

function checkBody<T>(schema: z.ZodType<T>, batch: z.ZodType<T> | undefined, value: unknown): T {
  return check(batch && Array.isArray(value) ? batch : schema, value, 'The body is not valid. See "errors".')
}

/** Returns the validated query. Throws a 400 `Problem`. */
export function readQuery<T>(req: IncomingMessage, schema: z.ZodType<T>): T {
  return check(schema, Object.fromEntries(queryOf(req)), 'The query is not valid. See "errors".')
}

/** A request's query: what follows the first question mark (RFC 3986, section 3.4). */
export function queryOf({ url = '' }: IncomingMessage): URLSearchParams {
  const at = url.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
}

/** Returns the validated value. Throws a 400 `Problem` that lists every invalid field. */
export function check<T>(schema: z.ZodType<T>, value: unknown, detail: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const errors = result.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
  throw new Problem(400, detail, { errors })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Problem(400, 'The body is not valid JSON. It must be one JSON value.')
  }
}

function refuseOtherTypes(req: IncomingMessage): void {
  const type = req.headers['content-type'] ?? ''
  if (!/^application\/json\s*(;\s*charset="?utf-?8"?\s*)?;?\s*$/i.test(type)) {
    throw new Problem(415, 'The body must be JSON in UTF-8. Set "Content-Type: application/json".', {
      headers: { Accept: 'application/json' },
    })
  }
  if ((req.headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw new Problem(415, 'The body must not be compressed. Leave out "Content-Encoding".', {
      headers: { 'Accept-Encoding': 'identity' },
    })
  }
}

function readBytes(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    let limit = maxBytes
    const refuse = () => reject(tooLong(limit, { Connection: 'close' }))
    // The client may wait for "100 Continue", or never send all of it.
    const most = Math.max(limit, maxBatchBytes) + maxExcessBytes
    if (Number(req.headers['content-length']) > most) return refuse()
    req.on('data', (chunk: Buffer) => {
      const isPastMax = length <= maxBytes && length + chunk.length > maxBytes
      if (isPastMax && startsArray([...chunks, chunk])) limit = maxBatchBytes
      length += chunk.length
      if (length <= limit) chunks.push(chunk)
      else if (length > limit + maxExcessBytes) refuse()
    })
    req.on('end', () => (length > limit ? refuse() : resolve(Buffer.concat(chunks, length))))
    const endEarly = () =>
      reject(new Problem(400, 'The connection closed before the body was complete. Send the request again.'))
    req.on('error', endEarly)
    req.on('close', () => req.complete || endEarly())
  })
}

function startsArray(chunks: Buffer[]): boolean {
  return Buffer.concat(chunks).toString('latin1').trimStart().startsWith('[')
}
