/**
 * An event stream that records which events arrive, and when.
 */
import { EventEmitter } from 'node:events'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
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

export class ObservedStream {
  readonly response: IncomingMessage
  readonly events: ObservedEvent[] = []
  heartbeats = 0
  endedAt: number | undefined
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
    response.setEncoding('utf8')
    response.on('data', text => {
      parser.feed(text)
      this.#changes.emit('change')
    })
    response.on('error', end)
    response.on('close', end)
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
