/** A connection that carries an event stream serves no further request. */
import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, test } from '@jest/globals'
import { startEventStream } from '../../server/http/event-stream.ts'
import { Room, useServer } from '../support/rooms.ts'

const server = useServer('memory')

test('the server ignores a further request on the connection of a stream, and the stream continues', async () => {
  const room = new Room(server)
  const socket = connect(server.port, '127.0.0.1')
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  const has = async (part: string) => {
    while (!text.includes(part)) await once(socket, 'data')
  }
  const sendGet = (path: string) => socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost:${server.port}\r\n\r\n`)
  sendGet(`${room.path}/sse`)
  await has('"snapshot"')
  sendGet('/healthz')
  sendGet(`${room.path}/sse`)
  await room.put('alice', 1, 1)
  await has('"user":"alice"')
  await room.put('bob', 2, 2)
  await has('"user":"bob"')
  expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1)
  expect(text.match(/"snapshot"/g)).toHaveLength(1)
  socket.destroy()
})

test('the server closes the connection of a stream after too many further requests', async () => {
  const socket = connect(server.port, '127.0.0.1')
  socket.on('error', () => {})
  const sendGet = (path: string) => socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost:${server.port}\r\n\r\n`)
  // The connection may be reset, because the server does not read what is sent after its end.
  const closed = new Promise(resolve => socket.once('close', resolve))
  sendGet('/sse?interval=10000')
  await once(socket, 'data')
  // Node would keep the unanswered requests in memory.
  for (let i = 0; i < 100; i++) sendGet('/healthz')
  await closed
})

test('a stream keeps neither the cookies nor the token of its request in memory', async () => {
  const requests: IncomingMessage[] = []
  const http = createServer((req, res) => {
    requests.push(req)
    startEventStream(res)
  })
  await once(http.listen(0, '127.0.0.1'), 'listening')
  const headers = { cookie: `secret-${'a'.repeat(4_000)}`, authorization: 'Bearer secret', 'user-agent': 'test' }
  const stream = get({ port: (http.address() as AddressInfo).port, headers, agent: false })
  await once(stream, 'response')
  const kept = JSON.stringify([requests[0]?.headers, requests[0]?.rawHeaders])
  expect(kept).toContain('test')
  expect(kept).not.toContain('secret')
  stream.destroy()
  http.close()
})
