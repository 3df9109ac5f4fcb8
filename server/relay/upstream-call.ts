/**
 * One call of an upstream, up to the head of its answer: an event stream, or the problem that it is none.
 *
 * Sent once, over a connection of its own; redirects are not followed.
 */
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { Problem } from '../http/problem.ts'
import { guarded } from './addresses.ts'
import { concealHeaders } from './conceal.ts'
import { upstreamHeaders } from './headers.ts'
import type { Upstream } from './upstreams.ts'

export interface Call {
  url: URL
  upstream: Upstream
  method: string
  /** The caller's. */
  headers: Record<string, string>
  body: string | undefined
  /** The longest silence. */
  idleMs: number
  /** Ends the call. */
  signal: AbortSignal
}

const connectMs = 10_000
/** How long an upstream may take to say why it refuses, and how much of that is read, and shown. */
const refusalMs = 5_000
const maxReadBytes = 64 * 1024
const maxShownBytes = 2 * 1024

/** Rejects with a 502 `Problem`. */
export async function callUpstream(call: Call): Promise<IncomingMessage> {
  const response = await send(call)
  const { statusCode: status = 0, headers } = response
  const isStream = /^text\/event-stream\s*(;|$)/i.test(headers['content-type'] ?? '')
  const isPlain = (headers['content-encoding'] ?? 'identity') === 'identity'
  if (status >= 200 && status < 300 && isStream && isPlain) return response
  const text = concealHeaders(await readText(response), call.upstream)
  const detail =
    status >= 300 ? `The upstream answered ${status}.` : 'The upstream did not answer with a plain event stream.'
  throw new Problem(502, detail, { upstream: { status, body: shortened(text) } })
}

function send({ url, upstream, method, headers, body, idleMs, signal }: Call): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method,
      headers: upstreamHeaders(headers, upstream.headers, body),
      agent: false,
      lookup: guarded(),
      signal,
    })
    const connecting = setTimeout(() => request.destroy(new Error('It could not be connected to in time.')), connectMs)
    request.on('socket', socket => socket.once('connect', () => clearTimeout(connecting)))
    request.on('close', () => clearTimeout(connecting))
    request.setTimeout(idleMs)
    const giveUp = () => request.destroy(new Error('It was silent for too long.'))
    request.on('timeout', giveUp)
    request.on('response', response => {
      request.off('timeout', giveUp)
      // Its end is told by `close`; without a listener an error would end the process.
      response.on('error', () => {})
      resolve(response)
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      // A message may have addresses in it that are nobody's business.
      const reason = error.code === undefined ? error.message : error.code
      reject(new Problem(502, 'The upstream cannot be reached.', { upstream: { status: 0, body: reason } }))
    })
    request.end(body)
  })
}

async function readText(response: IncomingMessage): Promise<string> {
  const timer = setTimeout(() => response.destroy(), refusalMs)
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of response) {
      chunks.push(chunk)
      length += chunk.length
      if (length >= maxReadBytes) break
    }
  } catch {
    // What was said before it broke off is said.
  } finally {
    clearTimeout(timer)
  }
  return Buffer.concat(chunks).toString()
}

/** At most so many bytes, and no half character. */
function shortened(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxShownBytes) return text
  return new TextDecoder().decode(bytes.subarray(0, maxShownBytes), { stream: true })
}
