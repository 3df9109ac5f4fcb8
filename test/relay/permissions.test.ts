/** Authentication and authorization of the relay, with AUTH_SECRET set. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { post, relaying, runOf } from '../support/relays.ts'
import { expectProblem, send } from '../support/requests.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { openStream } from '../support/streams.ts'
import { aliceClaims, nowSeconds, secret, sign } from '../support/tokens.ts'
import { begin, Upstream } from '../support/upstream.ts'

let upstream: Upstream
let server: TestServer
beforeAll(async () => {
  upstream = await new Upstream().listen()
  server = await startServer(relaying(upstream, { AUTH_SECRET: secret }))
})
afterAll(async () => {
  await server?.stop()
  await upstream?.close()
})

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const tokenOf = (sub: string, more: object = {}) => sign({ ...aliceClaims(), scope: 'relay', sub, ...more })

const begun = async (token: string) => {
  const stream = await openStream(`${server.url}/forward-sse`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...bearer(token) },
    body: JSON.stringify({ targetUrl: upstream.answers('/answer', begin) }),
  })
  return { stream, run: runOf(stream) }
}

test('the relay refuses a POST without a token or without the relay scope, and does not call the upstream', async () => {
  const target = upstream.answers('/refused', begin)
  const stream = await post(server, target)
  expect(stream.status).toBe(401)
  const json = { targetUrl: target }
  const headers = bearer(await sign(aliceClaims()))
  expectProblem(await send(server.port, 'POST', '/forward-sse', { json, headers }), 403)
  expect(upstream.of('/refused')).toEqual([])
})

test('only the subject that started a run can read or stop it; other subjects receive 404', async () => {
  const [alice, bob] = [await tokenOf('alice'), await tokenOf('bob')]
  const { stream, run } = await begun(alice)
  for (const method of ['GET', 'DELETE']) {
    expectProblem(await send(server.port, method, run, { headers: bearer(bob) }), 404)
    expectProblem(await send(server.port, method, run), 401)
    expectProblem(await send(server.port, method, run, { headers: bearer(await sign(aliceClaims())) }), 403)
  }
  expect(stream.isEnded).toBe(false)
  const again = await openStream(`${server.url}${run}?access_token=${alice}`)
  expect(again.status).toBe(200)
  expect((await send(server.port, 'DELETE', run, { headers: bearer(alice) })).status).toBe(204)
  await Promise.all([stream.ended(), again.ended()])
})

test('a reader’s stream ends when its token expires, and the run continues', async () => {
  const { stream, run } = await begun(await tokenOf('carol', { exp: nowSeconds() + 2 }))
  await stream.ended()
  const carol = bearer(await tokenOf('carol'))
  const again = await openStream(server.url + run, { headers: carol })
  upstream.of('/answer').at(-1)?.response.end('data: still here\n\n')
  await again.ended()
  expect(again.events.map(({ data }) => data)).toEqual(['still here'])
})

test('the server does not serve the demonstration if tokens are required', async () => {
  expect((await send(server.port, 'GET', '/demonstration')).status).toBe(404)
})
