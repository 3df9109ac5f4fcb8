/**
 * An event stream that records which events arrive, and when.
 */
import { EventEmitter } from 'node:events'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { createParser } from 'eventsource-parser'

export interface ObservedEvent {
  /** When it arrived, by `performance.now()`. */
  at: number
  data: string
  id: string | undefined
}

export interface RequestOptions {
  headers?: Record<string, string>
  body?: object
}

const decoders: Record<string, () => NodeJS.ReadWriteStream> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
}

/** How much of an answer that is not a stream is read. */
const maxTextLength = 100_000
const textMs = 3_000

export class ObservedStream {
  readonly response: IncomingMessage
  readonly events: ObservedEvent[] = []
  heartbeats = 0
  endedAt: number | undefined
  /** The beginning of the body. */
  #text = ''
  readonly #changes = new EventEmitter()

  constructor(response: IncomingMessage) {
    this.response = response
    const parser = createParser({
      onEvent: ({ data, id }) => this.events.push({ at: performance.now(), data, id }),
      onComment: () => this.heartbeats++,
    })
    const end = () => {
      this.endedAt ??= performance.now()
      this.#changes.emit('change')
    }
    const decoder = decoders[this.header('content-encoding')]?.()
    const decoded = decoder ? response.pipe(decoder) : response
    decoded.setEncoding('utf8')
    decoded.on('data', text => {
      if (this.#text.length < maxTextLength) this.#text += text
      parser.feed(text)
      this.#changes.emit('change')
    })
    // The decoder may still hold bytes when the connection has closed.
    decoder?.on('error', end).on('end', end)
    response.on('error', end)
    response.on('close', () => (decoder ? decoder.end() : end()))
  }

  get status(): number {
    return this.response.statusCode ?? 0
  }

  header(name: string): string {
    return String(this.response.headers[name] ?? '')
  }

  /** Resolves when the condition holds, the stream ends, or the time is over. */
  async until(condition: () => boolean, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (!condition() && this.endedAt === undefined) {
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) return
      await new Promise<void>(resolve => {
        const timer = setTimeout(done, leftMs)
        const changes = this.#changes
        function done() {
          clearTimeout(timer)
          changes.off('change', done)
          resolve()
        }
        changes.on('change', done)
      })
    }
  }

  /** Reads the body to its end. Resolves with its `detail` if it is a problem (RFC 9457), otherwise with an empty string. */
  async problemDetail(): Promise<string> {
    if (!this.header('content-type').startsWith('application/problem+json')) return ''
    await this.until(() => false, textMs)
    try {
      return String(JSON.parse(this.#text).detail ?? '')
    } catch {
      return ''
    }
  }

  close(): void {
    this.response.destroy()
  }
}

/** Uses a new connection. Rejects if no answer begins in time. */
export function requestStream(
  url: URL,
  { headers = {}, body }: RequestOptions,
  timeoutMs: number,
): Promise<ObservedStream> {
  const text = body && JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method: text === undefined ? 'GET' : 'POST',
      headers: { ...(text !== undefined && { 'content-type': 'application/json' }), ...headers },
      agent: false,
    })
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs / 1_000} s`)), timeoutMs)
    request.on('response', response => {
      clearTimeout(timer)
      resolve(new ObservedStream(response))
    })
    request.on('error', error => {
      clearTimeout(timer)
      reject(error)
    })
    request.end(text)
  })
}
