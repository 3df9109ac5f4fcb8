/** Limits on the length and the type of a body: 413 and 415. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import { expectProblem, send } from '../support/requests.ts'
import { Room, useServer } from '../support/rooms.ts'

const locationJson = '{"user":"alice","x":1,"y":1}'
const kibibyte = 1024

/** Pads JSON with spaces to `length` bytes. */
const padded = (json: string, length: number) => json + ' '.repeat(length - json.length)
/** Splits text into chunks, which are sent without a Content-Length. */
const pieces = (text: string) => text.match(/.{1,5000}/gs) ?? []

describe('a body', () => {
  const server = useServer('memory')

  test.each([
    ['16 KiB', locationJson, 16 * kibibyte],
    ['1 MiB (for a batch)', `[${locationJson}]`, kibibyte ** 2],
  ])('may be %s long and not a byte longer, with and without a Content-Length', async (_, json, length) => {
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
  ])('posted to %s may not be longer than 16 KiB either', async (path, json) => {
    expectProblem(await send(server.port, 'POST', path, { bytes: padded(json, 16 * kibibyte + 1) }), 413)
  })

  test('of 3 MiB is read to its end, so that the client receives the 413', async () => {
    const text = padded(locationJson, 3 * kibibyte ** 2)
    for (const parts of [{ bytes: text }, { chunks: pieces(text) }])
      expectProblem(await send(server.port, 'POST', '/location', parts), 413)
  })

  test('with a Content-Length of 50 MB is refused before it arrives', async () => {
    const parts = { bytes: '{', headers: { 'content-length': '50000000' } }
    expectProblem(await send(server.port, 'POST', '/location', parts), 413)
  })

  test.each([
    ['with a Content-Length of 100 MiB', 'Content-Length: 104857600\r\n', 'x'.repeat(65_536)],
    ['without a Content-Length', 'Transfer-Encoding: chunked\r\n', `10000\r\n${'x'.repeat(65_536)}\r\n`],
  ])('that exceeds every limit is cut off, %s', async (_, header, piece) => {
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
    // The answer may be lost if the connection is reset.
    expect(answer).toMatch(/^$|^HTTP\/1\.1 413 .*application\/problem\+json/s)
    expect((await send(server.port, 'GET', '/healthz')).status).toBe(200)
  })

  test('that ends early is discarded, and the next request is served', async () => {
    const room = new Room(server)
    const socket = connect(server.port, '127.0.0.1')
    const head = `POST ${room.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n`
    socket.write(head + locationJson)
    await once(socket, 'connect')
    socket.destroy()
    await once(socket, 'close')
    expect((await room.who()).size).toBe(0)
    expect((await room.send('POST', '', { bytes: locationJson })).status).toBe(200)
  })

  test.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
  ])('of the type %s is accepted', async type => {
    const { status } = await new Room(server).send('POST', '', {
      bytes: locationJson,
      headers: { 'content-type': type },
    })
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
  ])('of the type %s is refused on every route that takes a body', async type => {
    const room = new Room(server)
    for (const path of [room.path, `${room.path}/sse`, `${room.path}/alive`, '/sse']) {
      const answer = await send(server.port, 'POST', path, { bytes: locationJson, headers: { 'content-type': type } })
      expectProblem(answer, 415)
    }
    expect((await room.who()).size).toBe(0)
  })

  test.each(['gzip', 'br', 'deflate', 'x'])('with the content encoding %s is refused', async encoding => {
    const room = new Room(server)
    const bytes = encoding === 'gzip' ? gzipSync(locationJson) : locationJson
    expectProblem(await room.send('POST', '', { bytes, headers: { 'content-encoding': encoding } }), 415)
    expect((await room.who()).size).toBe(0)
  })
})
