/** The Location header of a run is relative, so it is also correct behind a proxy with a path prefix. */
import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { EventSource } from 'eventsource'
import { relaying } from '../support/relays.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { begin, Upstream } from '../support/upstream.ts'

let upstream: Upstream
let server: TestServer
let proxy: Server
beforeAll(async () => {
  upstream = await new Upstream().listen()
  server = await startServer(relaying(upstream))
  // Serves Colocate below /a/presence and nothing else.
  proxy = createServer((req, res) => {
    const path = req.url?.match(/^\/a\/presence(\/.*)/)?.[1]
    if (path === undefined) return res.writeHead(404).end()
    const { method, headers } = req
    const passed = request({ host: '127.0.0.1', port: server.port, method, path, headers }, answer => {
      res.writeHead(answer.statusCode ?? 0, answer.headers)
      answer.pipe(res)
    })
    return req.pipe(passed)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
})
afterAll(async () => {
  proxy?.closeAllConnections()
  proxy?.close()
  await server?.stop()
  await upstream?.close()
})

const origin = () => `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
const posted = (url: string, target: string, more: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...more },
    body: JSON.stringify({ targetUrl: target }),
  })

test.each(['/a/presence/forward-sse', '/a/presence/forward-sse?a=b', '/a/presence/forward-sse/'])(
  'the Location header of a POST to %s leads to the run, for GET, EventSource and DELETE',
  async path => {
    const target = upstream.answers('/located', call => begin(call).write('data: 1\n\n'))
    const response = await posted(origin() + path, target)
    const location = response.headers.get('location') ?? ''
    expect(location).toMatch(path.endsWith('/') ? /^[\w-]{21}$/ : /^forward-sse\/[\w-]{21}$/)
    const run = new URL(location, response.url).href
    expect(run).toMatch(/\/a\/presence\/forward-sse\/[\w-]{21}$/)
    const source = new EventSource(run)
    const { data } = await new Promise<MessageEvent>(resolve => source.addEventListener('message', resolve))
    expect(data).toBe('1')
    source.close()
    expect((await fetch(run, { method: 'DELETE' })).status).toBe(204)
    expect(await (await fetch(run)).text()).toContain('data: 1')
    await response.text()
  },
)

test('the Location header is the same for a POST that joins a run and for one that is answered 204', async () => {
  const target = upstream.answers('/joined', call => begin(call).end('data: 1\n\n'))
  const url = `${origin()}/a/presence/forward-sse`
  const first = await posted(url, target, { 'idempotency-key': 'k' })
  const id = /id: (.+)/.exec(await first.text())?.[1] ?? ''
  const second = await posted(url, target, { 'idempotency-key': 'k' })
  await second.text()
  const third = await posted(url, target, { 'idempotency-key': 'k', 'last-event-id': id })
  expect(third.status).toBe(204)
  const locations = [first, second, third].map(({ headers }) => headers.get('location'))
  expect(new Set(locations).size).toBe(1)
  expect(locations[0]).toMatch(/^forward-sse\/[\w-]{21}$/)
})
