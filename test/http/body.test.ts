/** A body's length and type: 413 and 415. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import { expectProblem, send } from '../support/requests.ts'
import { Room, useServer } from '../support/rooms.ts'

const said = '{"user":"alice","x":1,"y":1}'
const kibibyte = 1024

/** JSON of exactly that many bytes. */
const padded = (json: string, length: number) => json + ' '.repeat(length - json.length)
/** In pieces, without a length said before. */
const pieces = (text: string) => text.match(/.{1,5000}/gs) ?? []

describe('a body', () => {
  const server = useServer('memory')

  test.each([
    ['16 KiB', said, 16 * kibibyte],
    ['1 MiB, a batch', `[${said}]`, kibibyte ** 2],
  ])('may be %s long and not a byte longer, with its length said before or not', async (_, json, length) => {
    const room = new Room(server)
    for (const parts of [{ bytes: padded(json, length + 1) }, { chunks: pieces(padded(json, length + 1)) }]) {
      expectProblem(await room.send('POST', '', parts), 413)
      expect((await room.who()).size).toBe(0)
    }
    for (const parts of [{ bytes: padded(json, length) }, { chunks: pieces(padded(json, length)) }])
      expect((await room.send('POST', '', parts)).status).toBe(200)
  })

  test.each([
    ['/location/sse', '{}'],
    ['/location/alive', '{"user":"alice"}'],
    ['/sse', '{}'],
  ])('of %s may not be longer than 16 KiB either', async (path, json) => {
    expectProblem(await send(server.port, 'POST', path, { bytes: padded(json, 16 * kibibyte + 1) }), 413)
  })

  test('of 3 MiB is read to its end, so that its sender hears why it was refused', async () => {
    const text = padded(said, 3 * kibibyte ** 2)
    for (const parts of [{ bytes: text }, { chunks: pieces(text) }])
      expectProblem(await send(server.port, 'POST', '/location', parts), 413)
  })

  test('that is said to be far longer is not waited for', async () => {
    const parts = { bytes: '{', headers: { 'content-length': '50000000' } }
    expectProblem(await send(server.port, 'POST', '/location', parts), 413)
  })

  test.each([
    ['said before', 'Content-Length: 104857600\r\n', 'x'.repeat(65_536)],
    ['not said', 'Transfer-Encoding: chunked\r\n', `10000\r\n${'x'.repeat(65_536)}\r\n`],
  ])('that goes on and on is cut off, its length %s', async (_, header, piece) => {
    const socket = connect(server.port, '127.0.0.1')
    let answer = ''
    const closed = new Promise(resolve => socket.on('close', resolve))
    socket.on('error', () => {})
    socket.setEncoding('utf8').on('data', text => {
      answer += text
    })
    socket.write(`POST /location HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${header}\r\n`)
    const write = () => {
      while (!socket.destroyed && answer === '' && socket.write(piece));
    }
    socket.on('drain', write)
    write()
    await closed
    // A reset connection may take the answer with it.
    expect(answer).toMatch(/^$|^HTTP\/1\.1 413 .*application\/problem\+json/s)
    expect((await send(server.port, 'GET', '/healthz')).status).toBe(200)
  })

  test('that ends early does no harm', async () => {
    const room = new Room(server)
    const socket = connect(server.port, '127.0.0.1')
    const head = `POST ${room.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n`
    socket.write(head + said)
    await once(socket, 'connect')
    socket.destroy()
    await once(socket, 'close')
    expect((await room.who()).size).toBe(0)
    expect((await room.send('POST', '', { bytes: said })).status).toBe(200)
  })

  test.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
  ])('of the type %s is taken', async type => {
    const { status } = await new Room(server).send('POST', '', { bytes: said, headers: { 'content-type': type } })
    expect(status).toBe(200)
  })

  test.each([
    undefined,
    '',
    'text/plain',
    'text/plain; application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/json; charset=iso-8859-1',
    'text/json',
    'application/octet-stream',
  ])('of the type %s is refused on every route that takes one', async type => {
    const room = new Room(server)
    for (const path of [room.path, `${room.path}/sse`, `${room.path}/alive`, '/sse']) {
      const answer = await send(server.port, 'POST', path, { bytes: said, headers: { 'content-type': type } })
      expectProblem(answer, 415)
    }
    expect((await room.who()).size).toBe(0)
  })

  test.each(['gzip', 'br', 'deflate', 'x'])('that is encoded as %s is refused', async encoding => {
    const room = new Room(server)
    const bytes = encoding === 'gzip' ? gzipSync(said) : said
    expectProblem(await room.send('POST', '', { bytes, headers: { 'content-encoding': encoding } }), 415)
    expect((await room.who()).size).toBe(0)
  })
})
