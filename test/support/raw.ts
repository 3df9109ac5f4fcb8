/**
 * A reader on a plain socket, which a test can pause.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createParser } from 'eventsource-parser'
import { fold, type LocationsByUser } from './fold.ts'

export class RawReader {
  readonly who: LocationsByUser = new Map()
  lastEventId = ''
  /** The reasons of its snapshots. */
  readonly snapshots: string[] = []
  #onChange = () => {}
  readonly #socket: Socket
  readonly #parser = createParser({
    onEvent: ({ id, data }) => {
      if (id !== undefined) this.lastEventId = id
      const event = JSON.parse(data)
      if (event.type === 'snapshot') this.snapshots.push(event.reason)
      fold(this.who, event)
    },
  })

  private constructor(socket: Socket) {
    this.#socket = socket
    let hasHead = false
    let text = ''
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part
      const end = text.indexOf('\r\n\r\n')
      if (!hasHead && end < 0) return
      if (!hasHead) text = text.slice(end + 4)
      hasHead = true
      // The rest is the stream itself: it has no chunks and ends with the connection.
      this.#parser.feed(text)
      text = ''
      this.#onChange()
    })
    socket.on('error', () => {})
  }

  /** Resolves once the first event has arrived. */
  static async open(port: number, path: string): Promise<RawReader> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    const reader = new RawReader(socket)
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
    await reader.until(() => reader.snapshots.length > 0)
    return reader
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>(resolve => {
        this.#onChange = resolve
      })
    }
  }

  close(): void {
    this.#socket.destroy()
  }
}
