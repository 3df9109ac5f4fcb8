/** The end of an upstream's answer: after an orderly end, the last event counts even without its blank line. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { post, withoutIds } from '../support/relays.ts'
import { startServer, type TestServer } from '../support/server.ts'

const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n'

/** The three ways HTTP/1.1 frames a body. Each writes the text in parts, and ends in order if the answer is complete. */
type Framing = (socket: Socket, parts: string[], isComplete: boolean) => Promise<void>

const write = (socket: Socket, text: string) => new Promise<void>(resolve => socket.write(text, () => resolve()))

const framings: Record<string, Framing> = {
  async chunked(socket, parts, isComplete) {
    await write(socket, `${head}Transfer-Encoding: chunked\r\n\r\n`)
    for (const part of parts) {
      const length = Buffer.byteLength(part).toString(16)
      if (part !== '') await write(socket, `${length}\r\n${part}\r\n`)
    }
    if (isComplete) socket.end('0\r\n\r\n')
  },
  async 'with a Content-Length'(socket, parts, isComplete) {
    const length = Buffer.byteLength(parts.join('')) + (isComplete ? 0 : 10)
    await write(socket, `${head}Content-Length: ${length}\r\n\r\n`)
    for (const part of parts) await write(socket, part)
    if (isComplete) socket.end()
  },
  async 'until the connection ends'(socket, parts, isComplete) {
    await write(socket, `${head}\r\n`)
    for (const part of parts) await write(socket, part)
    if (isComplete) socket.end()
  },
}

/** Answers the upstream's next calls. */
let answer: (socket: Socket) => Promise<void>
let upstream: Server
let server: TestServer
beforeAll(async () => {
  upstream = createServer(socket => {
    socket.setNoDelay(true).on('error', () => {})
    socket.once('data', () => void answer(socket))
  }).listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  const prefix = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/`
  server = await startServer({ RELAY_UPSTREAMS: JSON.stringify([{ prefix }]), RELAY_RATE: '1000000' })
  target = prefix
})
afterAll(async () => {
  await server?.stop()
  upstream?.close()
})
let target = ''

const relayed = async () => {
  const stream = await post(server, target)
  await stream.ended()
  return withoutIds(stream)
}

const first = { event: undefined, data: '1' }
const last = { event: 'stop', data: '{"finish":"stop"}' }
const lineEnds = { LF: '\n', CR: '\r', CRLF: '\r\n' }

describe.each(Object.entries(framings))('an upstream whose answer is sent %s', (_, framing) => {
  test.each(Object.entries(lineEnds))(
    'and ends in order without a blank line delivers its last event, with %s',
    async (_name, end) => {
      const text = ['data: 1', '', 'event: stop', 'data: {"finish":"stop"}'].join(end)
      for (const tail of ['', end, end + end, `${end}: comment`]) {
        // Splits around the end of the last data line.
        for (const at of [text.length - 20, text.length - 1, text.length, text.length + 1]) {
          const whole = text + tail
          answer = socket => framing(socket, [whole.slice(0, at), whole.slice(at)], true)
          expect({ tail, at, events: await relayed() }).toEqual({ tail, at, events: [first, last] })
        }
      }
    },
  )

  const breaks =
    framing === framings['until the connection ends'] ? (['by RST'] as const) : (['by FIN', 'by RST'] as const)
  test.each(breaks)('and breaks off %s loses the unfinished event, and readers receive a relay-error', async how => {
    for (const tail of ['', '\n', '\nda']) {
      const text = `data: 1\n\nevent: stop\ndata: {"finish":"stop"}${tail}`
      const written = new Promise<Socket>(resolve => {
        answer = socket => framing(socket, [text], false).then(() => resolve(socket))
      })
      const stream = await post(server, target)
      const socket = await written
      await stream.until(() => stream.events.length === 1)
      if (how === 'by RST') socket.resetAndDestroy()
      else socket.end()
      await stream.ended()
      const events = withoutIds(stream)
      expect({ tail, last: events.at(-1)?.event }).toEqual({ tail, last: 'relay-error' })
      expect(JSON.parse(events.at(-1)?.data ?? '')).toMatchObject({ reason: 'broken' })
      expect(events).not.toContainEqual(last)
    }
  })
})

test('an upstream that ends in order within a field other than data adds no event', async () => {
  for (const tail of ['event: x', ': comment', 'id: 7\n', 'retry: 1', 'dat']) {
    answer = socket => framings.chunked?.(socket, [`data: 1\n\n${tail}`], true) ?? Promise.resolve()
    expect({ tail, events: await relayed() }).toEqual({ tail, events: [first] })
  }
})
