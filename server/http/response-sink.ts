/**
 * A response in chunks (RFC 9112, section 7.1) as a session's sink. Only a response that is complete gets the last chunk.
 *
 * The connection stays persistent: undici takes a response with `Connection: close` for complete, however it ends.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Sink } from '../hub/session.ts'

export class ResponseSink implements Sink {
  readonly #res: ServerResponse
  readonly #socket: Socket
  #isComplete = false

  /** `socket`: the one of the response. */
  constructor(res: ServerResponse, socket: Socket) {
    this.#res = res
    this.#socket = socket
  }

  write(bytes: Buffer | string): boolean {
    return this.#res.write(bytes)
  }

  complete(): void {
    this.#isComplete = true
  }

  cork(): void {
    this.#socket.cork()
  }

  uncork(): void {
    this.#socket.uncork()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  destroySoon(): void {
    if (this.#isComplete) this.#res.end()
    else this.#socket.destroySoon()
  }

  setTimeout(ms: number): void {
    this.#socket.setTimeout(ms)
  }

  on(event: 'drain' | 'timeout' | 'close', listener: () => void): void {
    this.#res.on(event, listener)
  }
}
