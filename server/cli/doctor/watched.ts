/**
 * One stream as it comes: what arrived, and when.
 */
import { EventEmitter } from 'node:events'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { createParser } from 'eventsource-parser'

export interface Arrival {
  /** By `performance.now`. */
  at: number
  data: string
  id: string | undefined
}

export interface Asked {
  headers?: Record<string, string>
  body?: object
}

export class Watched {
  readonly response: IncomingMessage
  readonly events: Arrival[] = []
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

  /** Resolves as soon as it is so, the stream is over, or the time is up. */
  async until(isSo: () => boolean, patienceMs: number): Promise<void> {
    const deadline = performance.now() + patienceMs
    while (!isSo() && this.endedAt === undefined) {
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

/** A connection of its own. Rejects when no answer begins in time. */
export function ask(url: URL, { headers = {}, body }: Asked, patienceMs: number): Promise<Watched> {
  const text = body && JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method: text === undefined ? 'GET' : 'POST',
      headers: { ...(text !== undefined && { 'content-type': 'application/json' }), ...headers },
      agent: false,
    })
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${patienceMs / 1_000} s`)), patienceMs)
    request.on('response', response => {
      clearTimeout(timer)
      resolve(new Watched(response))
    })
    request.on('error', error => {
      clearTimeout(timer)
      reject(error)
    })
    request.end(text)
  })
}
