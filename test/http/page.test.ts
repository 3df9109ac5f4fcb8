/** The files of the page: their types, compression, and what the page learns from the server. */
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startServer, type TestServer } from '../support/server.ts'
import { secret } from '../support/tokens.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.stop())

/** Unlike `fetch`, does not decompress. */
async function request(path: string, headers: Record<string, string> = {}) {
  const [response] = (await once(get(`${server.url}${path}`, { headers }), 'response')) as [IncomingMessage]
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) }
}

test.each([
  ['/', 'text/html; charset=utf-8'],
  ['/index.html', 'text/html; charset=utf-8'],
  ['/page.js', 'text/javascript; charset=utf-8'],
  ['/page.css', 'text/css; charset=utf-8'],
  ['/favicon.svg', 'image/svg+xml'],
])('%s has the type %s', async (path, type) => {
  expect((await request(path)).headers['content-type']).toBe(type)
})

test.each([
  ['br', brotliDecompressSync, 'gzip, deflate, br'],
  ['gzip', gunzipSync, 'gzip'],
  ['gzip', gunzipSync, 'br;q=0, gzip;q=0.5'],
])('a file is encoded with %s, and is the same', async (encoding, decode, accepted) => {
  const plain = await request('/page.js')
  const encoded = await request('/page.js', { 'accept-encoding': accepted })
  expect(plain.headers['content-encoding']).toBeUndefined()
  expect(encoded.headers['content-encoding']).toBe(encoding)
  expect(encoded.headers.vary).toBe('Origin, Accept-Encoding')
  expect(decode(encoded.body).equals(plain.body)).toBe(true)
  expect(encoded.body.length).toBeLessThan(plain.body.length / 2)
})

test('a client that has a file already receives 304 without a body', async () => {
  const { headers } = await request('/page.js')
  const again = await request('/page.js', { 'if-none-match': headers.etag ?? '', 'accept-encoding': 'br' })
  expect(again.status).toBe(304)
  expect(again.body).toHaveLength(0)
  expect((await request('/page.js', { 'if-none-match': 'W/"other"' })).status).toBe(200)
})

test.each([
  ['open', {}],
  ['off', { AUTH: 'off' }],
  ['required', { AUTH_SECRET: secret }],
])('the page learns that authentication is %s', async (auth, env) => {
  const own = await startServer(env)
  try {
    expect(await (await fetch(own.url)).text()).toContain(`<html lang="en" data-auth="${auth}">`)
  } finally {
    await own.stop()
  }
})
