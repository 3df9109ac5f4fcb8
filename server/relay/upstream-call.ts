/**
 * One call of an upstream, until the head of its answer arrives.
 *
 * The request is sent once and over a new connection. Redirects are not followed.
 */
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { guardedLookup } from './addresses.ts'
import { upstreamHeaders } from './headers.ts'
import { refusedBy, unreachable } from './upstream-problem.ts'
import type { Upstream } from './upstreams.ts'

export interface Call {
  url: URL
  upstream: Upstream
  method: string
  /** The caller's headers. */
  headers: Record<string, string>
  body: string | undefined
  /** How long the upstream may send nothing. */
  idleMs: number
  /** Aborts the call. */
  signal: AbortSignal
}

const connectMs = 10_000
/** How long an answer that is not an event stream may take, and how many of its bytes are read. */
const refusalMs = 5_000
const maxReadBytes = 64 * 1024

/** Resolves with an event stream. Rejects with a 502 `Problem`. */
export async function callUpstream(call: Call): Promise<IncomingMessage> {
  const response = await send(call)
  const { statusCode: status = 0, headers } = response
  const type = headers['content-type']
  const encoding = headers['content-encoding']?.replace(/^identity$/i, '') || undefined
  const isStream = /^text\/event-stream\s*(;|$)/i.test(type ?? '')
  if (status >= 200 && status < 300 && isStream && encoding === undefined) return response
  throw refusedBy(call.upstream, {
    status,
    type,
    encoding: isStream ? encoding : undefined,
    text: await readText(response),
  })
}

function send({ url, upstream, method, headers, body, idleMs, signal }: Call): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method,
      headers: upstreamHeaders(headers, upstream.headers, body),
      agent: false,
      lookup: guardedLookup(upstream.allowPrivate),
      signal,
    })
    const connecting = setTimeout(
      () => request.destroy(new Error(`No connection within ${connectMs / 1_000} s.`)),
      connectMs,
    )
    request.on('socket', socket => socket.once('connect', () => clearTimeout(connecting)))
    request.on('close', () => clearTimeout(connecting))
    request.setTimeout(idleMs)
    const onIdle = () => request.destroy(new Error(`No answer within ${idleMs / 1_000} s (RELAY_IDLE_MS).`))
    request.on('timeout', onIdle)
    let answer: IncomingMessage | undefined
    request.on('response', response => {
      answer = response
      request.off('timeout', onIdle)
      // The run handles `close`, which follows every error. An error without a listener would end the process.
      response.on('error', () => {})
      resolve(response)
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      // An answer without a length that ends by a reset would count as complete (RFC 9112, section 8).
      answer?.destroy(error)
      reject(unreachable(url.hostname, error))
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
    // The part that arrived before the connection broke off is shown.
  } finally {
    clearTimeout(timer)
  }
  return Buffer.concat(chunks).toString()
}
