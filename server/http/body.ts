/**
 * A request's JSON body: read within a bound, then checked against a schema.
 */
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { z } from 'zod'
import { Problem } from './problem.ts'

const maxBytes = 16 * 1024
const maxBatchBytes = 1024 * 1024
/** What is read past the bound and thrown away, so that a client which is still sending gets to read the answer. */
const maxExcessBytes = 4 * maxBatchBytes

/** Rejects with a `Problem`: 400, 413 or 415. A body that is an array may be longer. */
export async function readJson(req: IncomingMessage, maxObjectBytes = maxBytes): Promise<unknown> {
  refuseOtherTypes(req)
  const body = await readBytes(req, maxObjectBytes)
  if (body.length === 0) throw new Problem(400, 'The body is empty; it must be JSON.')
  if (!isUtf8(body)) throw new Problem(400, 'The body is not UTF-8.')
  try {
    return JSON.parse(body.toString())
  } catch {
    throw new Problem(400, 'The body is not JSON.')
  }
}

/** Throws a `Problem` that names every field that is not valid. */
export function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const errors = result.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
  throw new Problem(400, 'What was sent is not valid.', { errors })
}

function refuseOtherTypes(req: IncomingMessage): void {
  const type = req.headers['content-type'] ?? ''
  if (!/^application\/json\s*(;\s*charset="?utf-8"?\s*)?;?\s*$/i.test(type)) {
    throw new Problem(415, 'The body must be application/json, in UTF-8.', { headers: { Accept: 'application/json' } })
  }
  if ((req.headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw new Problem(415, 'The body must not be compressed.', { headers: { 'Accept-Encoding': 'identity' } })
  }
}

function readBytes(req: IncomingMessage, maxObjectBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    let limit = maxObjectBytes
    let hasBegun = false
    const refuse = () => {
      reject(new Problem(413, `The body is longer than ${limit} bytes.`, { headers: { Connection: 'close' } }))
    }
    // A client that waits for leave to send, or never sends it all, would wait for long.
    const most = Math.max(limit, maxBatchBytes) + maxExcessBytes
    if (Number(req.headers['content-length']) > most) return refuse()
    req.on('data', (chunk: Buffer) => {
      const start = hasBegun ? '' : chunk.toString('latin1').trimStart()[0]
      if (start === '[') limit = maxBatchBytes
      hasBegun ||= start !== undefined
      length += chunk.length
      if (length <= limit) chunks.push(chunk)
      else if (length > limit + maxExcessBytes) refuse()
    })
    req.on('end', () => (length > limit ? refuse() : resolve(Buffer.concat(chunks, length))))
    const endEarly = () => reject(new Problem(400, 'The body ended early.'))
    req.on('error', endEarly)
    req.on('close', () => req.complete || endEarly())
  })
}
