/** Request smuggling, also through a real nginx: a request hidden in the body of another one must not be served. */
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startNginx, type TestNginx } from '../support/nginx.ts'
import { Room, untilReady } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let nginx: TestNginx
beforeAll(async () => {
  server = await startServer()
  nginx = await startNginx([server.port, server.port, server.port])
  await untilReady(server, true)
})
afterAll(async () => {
  await nginx.stop()
  await server.stop()
})

/** The hidden request. If it is served, it adds `eve` to the room. */
function hidden(room: Room): string {
  const body = '{"user":"eve","x":6,"y":6}'
  return `POST ${room.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

/** The head of a POST. `lines` are further headers, which state the length of its body. */
const head = (room: Room, ...lines: string[]) =>
  [`POST ${room.path} HTTP/1.1`, 'Host: localhost', 'Content-Type: application/json', ...lines, '', ''].join('\r\n')

const shapes: Record<string, (room: Room, inner: string) => string> = {
  'a length and chunks': (room, inner) =>
    `${head(room, `Content-Length: ${5 + inner.length}`, 'Transfer-Encoding: chunked')}0\r\n\r\n${inner}`,
  'chunks and a length': (room, inner) =>
    `${head(room, 'Transfer-Encoding: chunked', 'Content-Length: 4')}${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`,
  'two lengths': (room, inner) => head(room, 'Content-Length: 0', `Content-Length: ${inner.length}`) + inner,
  'two lengths the other way round': (room, inner) =>
    head(room, `Content-Length: ${inner.length}`, 'Content-Length: 0') + inner,
  'two lengths in one line': (room, inner) => head(room, `Content-Length: 0, ${inner.length}`) + inner,
  'a length with a sign': (room, inner) => head(room, 'Content-Length: +0') + inner,
  'a negative length': (room, inner) => head(room, 'Content-Length: -1') + inner,
  'a hexadecimal length': (room, inner) => head(room, 'Content-Length: 0x0') + inner,
  'a length of more than 64 bits': (room, inner) => head(room, 'Content-Length: 18446744073709551616') + inner,
  'a space before the colon': (room, inner) =>
    `${head(room, 'Transfer-Encoding : chunked', `Content-Length: ${5 + inner.length}`)}0\r\n\r\n${inner}`,
  'a tab before chunked': (room, inner) =>
    `${head(room, 'Transfer-Encoding:\tchunked', `Content-Length: ${5 + inner.length}`)}0\r\n\r\n${inner}`,
  'a vertical tab before chunked': (room, inner) =>
    `${head(room, 'Transfer-Encoding: \x0bchunked', `Content-Length: ${5 + inner.length}`)}0\r\n\r\n${inner}`,
  'an unknown transfer coding': (room, inner) =>
    `${head(room, 'Transfer-Encoding: xchunked', `Content-Length: ${5 + inner.length}`)}0\r\n\r\n${inner}`,
  'chunked and identity in two lines': (room, inner) =>
    `${head(room, 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity')}0\r\n\r\n${inner}`,
  'chunked and identity': (room, inner) =>
    `${head(room, 'Transfer-Encoding: chunked, identity', `Content-Length: ${5 + inner.length}`)}0\r\n\r\n${inner}`,
  'a folded line': (room, inner) =>
    `${head(room, 'Transfer-Encoding:\r\n chunked', `Content-Length: ${5 + inner.length}`)}0\r\n\r\n${inner}`,
  'a bare line feed in a header': (room, inner) =>
    `${head(room, `X: y\nTransfer-Encoding: chunked`, `Content-Length: ${5 + inner.length}`)}0\r\n\r\n${inner}`,
  'a bare carriage return in a header': (room, inner) =>
    `${head(room, `X: y\rTransfer-Encoding: chunked`, `Content-Length: ${5 + inner.length}`)}0\r\n\r\n${inner}`,
  'a NUL in a header': (room, inner) =>
    `${head(room, 'X: \0', 'Transfer-Encoding: chunked', `Content-Length: ${5 + inner.length}`)}0\r\n\r\n${inner}`,
  'a chunk length of more than 64 bits': (room, inner) =>
    `${head(room, 'Transfer-Encoding: chunked')}10000000000000000\r\n${inner}`,
  'a chunk length with a sign': (room, inner) => `${head(room, 'Transfer-Encoding: chunked')}-1\r\n${inner}`,
  'a chunk extension with a line feed': (room, inner) =>
    `${head(room, 'Transfer-Encoding: chunked')}2;\n{}\r\n${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`,
}

/**
 * Node decodes the chunks and reads the rest as the next request, so only a proxy can refuse this (RFC 9112, section
 * 6.1).
 */
const forProxies: typeof shapes = {
  'chunks in HTTP/1.0': (room, inner) =>
    `${head(room, 'Transfer-Encoding: chunked', 'Connection: keep-alive').replace('HTTP/1.1', 'HTTP/1.0')}0\r\n\r\n${inner}`,
}

/** Matches the statuses of a connection whose first request was refused, and on which only the last one was served. */
const isRefusal = /^$|^(4\d\d|501)(,200)?$/

/** Makes the server close the connection once it reads this request. */
const last = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

/** Sends `text` on a new connection and returns all that is answered. */
async function answersTo(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  let answer = ''
  socket.on('data', part => {
    answer += part
  })
  // A reset connection counts as a refusal.
  socket.on('error', () => {})
  socket.write(text, 'latin1')
  socket.write(last, 'latin1')
  await new Promise(resolve => socket.on('close', resolve))
  return answer
}

test('a second request that is not hidden is served, so these tests would detect a smuggled one', async () => {
  for (const target of [Number(new URL(nginx.url).port), server.port]) {
    const room = new Room(server)
    await answersTo(target, `${head(room, 'Content-Length: 2')}{}${hidden(room)}`)
    expect((await room.who()).has('eve')).toBe(true)
  }
})

test('no malformed request smuggles a second one', async () => {
  const { port } = new URL(nginx.url)
  const statuses: Record<string, string> = {}
  let smuggled = 0
  for (const target of [Number(port), server.port]) {
    for (const [name, shape] of Object.entries(target === server.port ? shapes : { ...shapes, ...forProxies })) {
      const room = new Room(server)
      const answer = await answersTo(target, shape(room, hidden(room)))
      const all = [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status)
      statuses[`${target === server.port ? 'the server' : 'nginx'}: ${name}`] = all.join()
      if ((await room.who()).has('eve')) smuggled++
    }
  }
  const refused = Object.values(statuses).filter(all => isRefusal.test(all)).length
  process.stdout.write(`smuggling: requests=${Object.keys(statuses).length} refused=${refused} smuggled=${smuggled}\n`)
  expect(smuggled).toBe(0)
  expect(statuses).toEqual(
    Object.fromEntries(Object.keys(statuses).map(name => [name, expect.stringMatching(isRefusal)])),
  )
})

test('nginx writes no token to its log', async () => {
  const headers = {
    authorization: 'Bearer needle-1',
    cookie: 'colocate_token=needle-2',
    referer: 'http://x/?access_token=needle-3',
  }
  for (const path of [
    '/location?access_token=needle-4',
    '/%zz?access_token=needle-5',
    '/healthz?access_token=needle-6',
  ])
    await (await fetch(nginx.url + path, { headers })).text()
  const log = await nginx.readLog()
  expect(log).toContain('/healthz')
  expect(log).not.toContain('needle')
})
