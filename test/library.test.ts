/** Colocate as a library: mounted in an application behind common middleware, with `authorize` and without HTTP. */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import compression from 'compression'
import connect from 'connect'
import cors from 'cors'
import express from 'express'
import session from 'express-session'
import express4 from 'express4'
import helmet from 'helmet'
import morgan from 'morgan'
import { nanoid } from 'nanoid'
import {
  type Colocate,
  type ColocateOptions,
  ConfigError,
  createColocate,
  type UpstreamOption,
} from '../server/index.ts'
import { expectToEndAlone, expectToResume } from './support/mount-checks.ts'
import { expectProblem, send } from './support/requests.ts'
import { openStream, type TestStream } from './support/streams.ts'
import { begin, Upstream } from './support/upstream.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function start(options: ColocateOptions = {}): Promise<Colocate> {
  const colocate = await createColocate({ drainMs: 100, ...options })
  closing.push(() => colocate.close())
  return colocate
}

async function listen(listener: RequestListener | Server): Promise<number> {
  const server = typeof listener === 'function' ? createServer(listener) : listener
  await once(server.listen(0, '127.0.0.1'), 'listening')
  closing.push(async () => {
    server.close()
    ;(server as Server).closeAllConnections?.()
  })
  return (server.address() as AddressInfo).port
}

async function follow(port: number, path: string, headers: Record<string, string> = {}): Promise<TestStream> {
  const stream = await openStream(`http://127.0.0.1:${port}${path}`, { headers })
  closing.push(async () => stream.close())
  return stream
}

const alice = { user: 'alice', x: 2, y: 3 }

describe('a mounted handler', () => {
  const hosts: [string, (handler: Colocate['handler']) => RequestListener][] = [
    ['Express 5', handler => express().use('/presence', handler) as RequestListener],
    ['Express 4', handler => express4().use('/presence', handler) as RequestListener],
    ['connect', handler => connect().use('/presence', handler) as RequestListener],
  ]

  test.each(hosts)('works under a path of %s, where a stream resumes', async (_, mount) => {
    const { handler } = await start()
    const port = await listen(mount(handler))
    await expectToResume(`http://127.0.0.1:${port}/presence`)
  })

  test('is a complete server as the listener of createServer', async () => {
    const { handler } = await start()
    const port = await listen((req, res) => handler(req, res))
    expect((await send(port, 'POST', '/rooms/a/location', { json: alice })).status).toBe(200)
    expectProblem(await send(port, 'GET', '/nothing'), 404)
  })

  test('passes requests for other paths on to the application', async () => {
    const { handler } = await start()
    const app = express().use(handler as express.RequestHandler)
    app.get('/mine', (_req, res) => void res.send('mine'))
    const port = await listen(app as RequestListener)
    expect((await send(port, 'GET', '/mine')).text).toBe('mine')
    expect((await send(port, 'GET', '/healthz')).status).toBe(200)
    expect((await send(port, 'GET', '/')).status).toBe(404)
  })

  test.each(['object', 'text', 'bytes'])('accepts a body that a body parser has read (as %s)', async kind => {
    const { handler } = await start()
    const type = () => true
    const parsers = { object: express.json(), text: express.text({ type }), bytes: express.raw({ type }) }
    const app = express()
    app.use(parsers[kind as keyof typeof parsers])
    app.use('/presence', handler as express.RequestHandler)
    const port = await listen(app as RequestListener)
    const path = '/presence/rooms/budget/location'
    expect((await send(port, 'POST', path, { json: alice })).status).toBe(200)
    expect((await send(port, 'POST', path, { json: [alice, { ...alice, user: 'bob' }] })).body.ids).toHaveLength(2)
    expectProblem(await send(port, 'POST', path, { json: { user: 'alice' } }), 400)
    expect((await send(port, 'DELETE', `${path}/alice`)).status).toBe(204)
    const { body } = await send(port, 'GET', path)
    expect(body.locations?.map(({ user }) => user)).toEqual(['bob'])
  })

  test('refuses a parsed body that is too long, as it refuses one that it reads itself', async () => {
    const { handler } = await start()
    const app = express().use(express.json({ limit: '3mb' }))
    app.use('/presence', handler as express.RequestHandler)
    const port = await listen(app as RequestListener)
    const path = '/presence/rooms/budget/location'
    const long = JSON.stringify({ ...alice, unknown: 'x'.repeat(16 * 1024) })
    for (const parts of [{ bytes: long }, { chunks: [long] }]) {
      const answer = await send(port, 'POST', path, parts)
      expectProblem(answer, 413)
      expect(answer.body.detail).toContain('16384')
      const batch = Object.fromEntries(Object.entries(parts).map(([name, text]) => [name, `[${text}]`]))
      expect((await send(port, 'POST', path, batch)).status).toBe(200)
    }
    const batch = Array.from({ length: 1_000 }, () => ({ ...alice, unknown: 'x'.repeat(1_100) }))
    expectProblem(await send(port, 'POST', path, { json: batch }), 413)
  })

  test('works behind a session, compression, helmet, CORS, a body parser and an access log', async () => {
    const { handler } = await start({
      authorize: req => ({ user: (req as express.Request).session.id.slice(0, 8), rooms: ['budget'] }),
    })
    const lines: string[] = []
    const app = express()
    app.use(morgan(':method :url :status', { stream: { write: line => void lines.push(line.trim()) } }))
    app.use(helmet(), cors(), compression({ threshold: 0 }), express.json(), express.urlencoded({ extended: true }))
    app.use(session({ secret: 'of the test', resave: false, saveUninitialized: true }))
    app.use('/presence', handler as express.RequestHandler)
    const port = await listen(app as RequestListener)
    const path = '/presence/rooms/budget/location'

    const stream = await follow(port, `${path}/sse`, { 'accept-encoding': 'gzip' })
    expect(stream.headers.get('content-encoding')).toBeNull()
    expect(stream.headers.get('content-type')).toBe('text/event-stream')
    expect(stream.headers.get('set-cookie')).toContain('connect.sid=')
    await stream.next('snapshot')
    const answer = await send(port, 'POST', path, { json: { x: 1, y: 1 } })
    expect(answer.status).toBe(200)
    expect(await stream.next('location')).toMatchObject({ user: answer.body.user, x: 1 })
    expectProblem(await send(port, 'GET', '/presence/rooms/other/location'), 403)
    stream.close()
    while (!lines.includes(`GET ${path}/sse 200`)) await new Promise(resolve => setTimeout(resolve, 5))
  })

  test('serves the page under its path with the option page', async () => {
    const { handler } = await start({ page: true })
    const port = await listen(express().use('/presence', handler as express.RequestHandler) as RequestListener)
    expect((await send(port, 'GET', '/presence/')).text).toContain('<!doctype html>')
  })

  test('serves streams and requests over HTTP/2', async () => {
    const { handler } = await start()
    const server = createHttp2Server((req, res) => handler(req as never, res as never))
    const port = await listen(server as unknown as Server)
    const client = connectHttp2(`http://127.0.0.1:${port}`)
    closing.push(async () => client.destroy())
    const stream = client.request({ ':path': '/rooms/budget/location/sse' })
    let text = ''
    stream.on('data', chunk => {
      text += chunk
    })
    const [headers] = await once(stream, 'response')
    expect(headers[':status']).toBe(200)
    const post = client.request({
      ':method': 'POST',
      ':path': '/rooms/budget/location',
      'content-type': 'application/json',
    })
    post.end(JSON.stringify(alice))
    const [answer] = await once(post, 'response')
    expect(answer[':status']).toBe(200)
    while (!text.includes('"user":"alice"')) await once(stream, 'data')
  })
})

describe('authorize', () => {
  const grant = { user: 'alice', name: 'Alice', color: '#112233', rooms: ['budget', 'team-*'] }

  test('is called once for each request and decides its user, name, color and rooms', async () => {
    let calls = 0
    const { handler } = await start({
      authorize: async () => {
        calls++
        return grant
      },
    })
    const port = await listen(handler)
    const path = '/rooms/budget/location'
    expect((await send(port, 'POST', path, { json: { x: 1, y: 1, name: 'Mallory' } })).body.user).toBe('alice')
    expect(calls).toBe(1)
    expect((await send(port, 'GET', path)).body.locations).toMatchObject([{ name: 'Alice', color: '#112233' }])
    expectProblem(await send(port, 'POST', path, { json: { ...alice, user: 'bob' } }), 403)
    expectProblem(await send(port, 'GET', '/rooms/other/location'), 403)
    expect((await send(port, 'GET', '/rooms/team-1/location')).status).toBe(200)
    expectProblem(await send(port, 'GET', '/metrics'), 403)
    expectProblem(await send(port, 'POST', path, { json: alice, headers: { origin: 'https://evil.example' } }), 403)
  })

  test('causes a 401 if it returns null, and a 500 if it returns an invalid permission', async () => {
    const { handler } = await start({ authorize: req => (req.headers['x-user'] ? ({ user: 7 } as never) : null) })
    const port = await listen(handler)
    expectProblem(await send(port, 'GET', '/location'), 401)
    expectProblem(await send(port, 'GET', '/location', { headers: { 'x-user': '1' } }), 500)
    expect((await send(port, 'GET', '/healthz')).status).toBe(200)
  })

  test('ends a stream at the expiresAt that it returned', async () => {
    const { handler } = await start({ authorize: () => ({ ...grant, expiresAt: Date.now() + 500 }) })
    const stream = await follow(await listen(handler), '/rooms/budget/location/sse')
    await stream.next('snapshot')
    await stream.ended()
  })
})

describe('the methods of Colocate', () => {
  test('publish, list and remove without HTTP', async () => {
    const { handler, publish, locations, remove } = await start()
    const stream = await follow(await listen(handler), '/rooms/budget/location/sse')
    await stream.next('snapshot')
    const { id, user } = await publish('budget', { ...alice, name: 'Alice' })
    expect(user).toBe('alice')
    expect(await stream.next('location')).toMatchObject({ id, name: 'Alice' })
    const { ids } = await publish('budget', [{ ...alice, user: 'bob' }])
    expect(await locations('budget')).toMatchObject({
      room: 'budget',
      lastEventId: ids[0],
      locations: [{ user: 'alice' }, { user: 'bob' }],
    })
    await remove('budget', 'alice')
    expect(await stream.next('leave')).toMatchObject({ user: 'alice', reason: 'left' })
    await expect(publish('..', alice)).rejects.toMatchObject({ status: 400 })
    await expect(publish('budget', { user: 'alice', x: 1 } as never)).rejects.toMatchObject({
      status: 400,
      errors: [{ path: 'y', message: expect.any(String) }],
    })
  })

  test('report whether Colocate is ready, and its metrics', async () => {
    const { ready, metrics, close } = await start()
    expect(ready()).toBeNull()
    expect(await metrics()).toContain('colocate_streams{log="rooms"} 0')
    await close()
    expect(ready()).toMatch(/./)
  })

  test('include close, which ends the streams and answers 503 afterwards, while the application keeps serving', async () => {
    const { handler, close } = await start()
    const app = express().use('/presence', handler as express.RequestHandler)
    app.get('/hello', (_req, res) => void res.send('hello'))
    const port = await listen(app as RequestListener)
    await expectToEndAlone(`http://127.0.0.1:${port}/presence`, `http://127.0.0.1:${port}/hello`, close)
  })
})

test('an invalid option is refused with a ConfigError that names it', async () => {
  const cases: [object, RegExp][] = [
    [{ leaseMs: 5 }, /^leaseMs must be a whole number from 100/],
    [{ leasMs: 5_000 }, /"leasMs" is not an option/],
    [{ redis: { url: 'http://x' } }, /^redis\.url must be/],
    [{ redis: { sentinels: 'h:1' } }, /redis\.name/],
    [{ port: 3_000 }, /"port" is not an option/],
    [{ auth: 'off', authorize: () => null }, /authorize/],
  ]
  for (const [options, message] of cases) {
    const failure = await createColocate(options as never).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ConfigError)
    expect((failure as Error).message).toMatch(message)
  }
})

test.each([
  ['a list', (list: UpstreamOption[]) => list],
  ['JSON', (list: UpstreamOption[]) => JSON.stringify(list)],
])('relayUpstreams may be %s, and its headers take secrets from the environment', async (_kind, as) => {
  const upstream = await new Upstream().listen()
  closing.push(() => upstream.close())
  const targetUrl = upstream.answers('/chat', call => begin(call).end('data: hello\n\n'))
  const name = `KEY_${nanoid().replaceAll('-', '_')}`
  process.env[name] = 'secret'
  const headers = { authorization: `Bearer \${${name}}` }
  const { handler } = await start({ relayUpstreams: as([{ prefix: upstream.origin, headers }]) })
  delete process.env[name]
  const port = await listen(handler)
  const answer = await send(port, 'POST', '/forward-sse', { json: { targetUrl } })
  expect(answer.text).toContain('data: hello')
  expect(upstream.of('/chat')[0]?.headers.authorization).toBe('Bearer secret')
})

test('open mode refuses requests from another machine and for another host name', async () => {
  const { handler } = await start()
  const port = await listen(handler)
  const answer = await send(port, 'GET', '/location', { headers: { host: 'sheets.example' } })
  expectProblem(answer, 403)
  const foreign = await listen((req, res) => {
    Object.defineProperty(req.socket, 'remoteAddress', { value: '192.0.2.7', configurable: true })
    handler(req, res)
  })
  expectProblem(await send(foreign, 'GET', '/location'), 403)
})

test('two instances in one process share no state, and closing one does not affect the other', async () => {
  const [one, two] = [await start({ postRate: 1 }), await start()]
  const [portOne, portTwo] = [await listen(one.handler), await listen(two.handler)]
  await one.publish('a', alice)
  expect((await two.locations('a')).locations).toEqual([])
  const stream = await follow(portTwo, '/rooms/a/location/sse')
  await stream.next('snapshot')
  await one.close()
  expectProblem(await send(portOne, 'GET', '/rooms/a/location'), 503)
  const { status, headers } = await send(portTwo, 'POST', '/rooms/a/location', { json: alice })
  expect({ status, connection: headers.connection }).not.toEqual({ status: 503, connection: 'close' })
  expect(await stream.next('location')).toMatchObject({ user: 'alice' })
})

test('a hundred instances that were created and closed leave no timer and no handle', async () => {
  const resources = () => process.getActiveResourcesInfo().sort().join()
  await (await createColocate()).close()
  const before = resources()
  for (let i = 0; i < 100; i++) {
    const { publish, close } = await createColocate({ drainMs: 100 })
    await publish('a', alice)
    await close()
  }
  expect(resources()).toBe(before)
})
