/**
 * An HTTP server that records its calls and answers them as the test defines.
 */
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Call {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
  response: ServerResponse
  /** The `performance.now()` at which the response was closed. */
  closedAt: number | undefined
}

const timeoutMs = 15_000

export class Upstream {
  readonly calls: Call[] = []
  readonly #answers = new Map<string, (call: Call) => void>()
  readonly #changes = new EventEmitter().setMaxListeners(0)
  readonly #server: Server

  constructor() {
    this.#server = createServer(async (req, response) => {
      let body = ''
      for await (const chunk of req.setEncoding('utf8')) body += chunk
      const { method = '', url = '', headers } = req
      const call: Call = { method, url, headers, body, response, closedAt: undefined }
      response.on('close', () => {
        call.closedAt = performance.now()
        this.#changes.emit('change')
      })
      this.calls.push(call)
      this.#changes.emit('change')
      this.#answers.get(url)?.(call)
    })
  }

  async listen(host = '127.0.0.1'): Promise<this> {
    this.#server.listen(0, host)
    await once(this.#server, 'listening')
    return this
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Defines the answer to calls of `path`, and returns its URL. */
  answers(path: string, answer: (call: Call) => void): string {
    this.#answers.set(path, answer)
    return this.origin + path
  }

  /** Returns the calls of `path`, in the order of their arrival. */
  of(path: string): Call[] {
    return this.calls.filter(({ url }) => url === path)
  }

  /** Resolves once `condition` holds. Checks it whenever a call arrives or closes. */
  async until(condition: () => boolean): Promise<void> {
    const signal = AbortSignal.timeout(timeoutMs)
    while (!condition()) await once(this.#changes, 'change', { signal })
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** Sends the head of an event stream, and returns the response. */
export function begin({ response }: Call): ServerResponse {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  response.flushHeaders()
  return response
}

/** Writes each part in a TCP segment of its own, as far as a server can control that, and ends the response. */
export async function inParts(response: ServerResponse, parts: Iterable<Uint8Array | string>): Promise<void> {
  response.socket?.setNoDelay(true)
  for (const part of parts) {
    if (part.length > 0) await new Promise(resolve => response.write(part, resolve))
    await new Promise(setImmediate)
  }
  response.end()
}
