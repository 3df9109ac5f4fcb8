/** The problem detail of a refused request names what to change and never contains a value of the operator's headers. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { key, post, readProblem, relaying } from '../support/relays.ts'
import { expectProblem, send } from '../support/requests.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type Call, Upstream } from '../support/upstream.ts'

let upstream: Upstream
let server: TestServer
beforeAll(async () => {
  upstream = await new Upstream().listen()
  server = await startServer(relaying(upstream, { RELAY_IDLE_MS: '500' }))
})
afterAll(async () => {
  await server?.stop()
  await upstream?.close()
})

const answers = ({ response }: Call, status: number, type = 'text/plain', encoding?: string) =>
  response.writeHead(status, { 'content-type': type, ...(encoding && { 'content-encoding': encoding }) }).end('x')

test.each<[string, (call: Call) => void, RegExp]>([
  ['401', call => answers(call, 401), /"headers" of its prefix in RELAY_UPSTREAMS/],
  ['403', call => answers(call, 403), /"headers" of its prefix in RELAY_UPSTREAMS/],
  ['404', call => answers(call, 404), /"targetUrl" and "method"/],
  ['302', call => answers(call, 302), /redirect.*targetUrl/],
  ['429', call => answers(call, 429), /429.*"upstream\.body"/],
  ['204', call => call.response.writeHead(204).end(), /"stream": true/],
  ['html', call => answers(call, 200, 'text/html'), /"text\/html" instead of text\/event-stream.*"stream": true/],
  ['zipped', call => answers(call, 200, 'text/event-stream', 'gzip'), /"gzip".*compression/],
  ['drop', ({ response }) => response.destroy(), /without an answer/],
  ['silence', () => {}, /RELAY_IDLE_MS/],
])('a 502 for an upstream with %s names what to change', async (name, answer, pattern) => {
  const { status, detail } = await readProblem(await post(server, upstream.answers(`/${name}`, answer)))
  expect({ status, detail }).toEqual({ status: 502, detail: expect.stringMatching(pattern) })
})

test.each([
  ['http://user@host/x', /without credentials/],
  ['http://127.0.0.1/a%2Fb', /encoded slashes/],
  ['http://127.0.0.1/a%5cb', /encoded backslashes/],
  ['http://127.0.0.1/a/../b', /dot segments/],
  ['nonsense', /absolute URL/],
  ['https://example.org/v1/chat', /RELAY_UPSTREAMS.*Add a prefix for https:\/\/example\.org/],
])('a 403 for %s names what to change', async (targetUrl, pattern) => {
  const answer = await send(server.port, 'POST', '/forward-sse', { json: { targetUrl } })
  expectProblem(answer, 403)
  expect(answer.body.detail).toMatch(pattern)
})

test('a 404 names RELAY_UPSTREAMS', async () => {
  const without = await startServer()
  const answer = await send(without.port, 'POST', '/forward-sse', { json: { targetUrl: 'https://example.org/' } })
  expectProblem(answer, 404)
  expect(answer.body.detail).toContain('Set RELAY_UPSTREAMS')
  await without.stop()
})

test.each<[string, string]>([
  ['in HTML', `<p>${key.replaceAll('/', '&#x2F;')}</p>`],
  ['in HTML, in decimals', `<p>${key.replaceAll('/', '&#47;')}</p>`],
  ['in a URL, in lower case', encodeURIComponent(key).toLowerCase()],
  ['in JSON, as a code point', key.replaceAll('/', '\\u002f')],
  ['with its scheme, in a URL', `Bearer+${encodeURIComponent(key)}`],
  ['in upper case', key.toUpperCase()],
  ['cut at the end', `The key is ${key.slice(0, 20)}`],
])('the "upstream.body" of a 502 does not contain the operator’s key %s', async (name, text) => {
  const target = upstream.answers(`/echo/${name.length}`, ({ response }) => response.writeHead(500).end(text))
  const { upstream: answer } = await readProblem(await post(server, target))
  expect(answer.body).toContain('[…]')
  expect(answer.body.toLowerCase()).not.toMatch(/sk-operator|abcdef|0123456789/)
})
