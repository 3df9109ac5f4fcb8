/** Requests that the HTTP parser rejects. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import { Room, useServer } from '../support/rooms.ts'

describe('the server', () => {
  const server = useServer('memory')

  /** Sends the bytes and returns all that the server answers until it closes the connection. */
  const answerTo = async (bytes: string, then?: { after: string; bytes: string }): Promise<string> => {
    const socket = connect(server.port, '127.0.0.1').setEncoding('latin1')
    let text = ''
    socket.on('data', part => {
      const isFirst = then && !text.includes(then.after)
      text += part
      if (isFirst && text.includes(then.after)) socket.write(then.bytes)
    })
    socket.on('error', () => {})
    socket.write(bytes, 'latin1')
    await once(socket, 'close')
    return text
  }

  test.each([
    ['an unknown method', 'FOO / HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    ['bytes that are not HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    [
      'two Content-Length headers',
      'POST /location HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      400,
    ],
    [
      'a target that is too long',
      `GET /location/sse?lastEventId=${'9'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
      431,
    ],
    ['headers that are too long', `GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('answers %s with a problem and closes the connection', async (_, bytes, status) => {
    const [head = '', body = ''] = (await answerTo(bytes)).split('\r\n\r\n')
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(head).toMatch(/^Content-Type: application\/problem\+json$/m)
    expect(head).toMatch(/^Connection: close$/m)
    expect(JSON.parse(body)).toMatchObject({ type: 'about:blank', status, detail: expect.stringMatching(/./) })
  })

  test('serves an HTTP/1.0 request, which has no Host header', async () => {
    expect(await answerTo('GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 200 /)
  })

  test('ends an event stream if a malformed request follows on its connection', async () => {
    const room = new Room(server)
    const text = await answerTo(`GET ${room.path}/sse HTTP/1.1\r\nHost: localhost\r\n\r\n`, {
      after: '"reason":"joined"',
      bytes: 'FOO / HTTP/1.1\r\n\r\n',
    })
    expect(text).toMatch(/"locations":\[\]}\n\n$/)
  })
})
