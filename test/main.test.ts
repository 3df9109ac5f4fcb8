/** The process: its start, its log and its exit. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect, createServer, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { logged } from './support/log.ts'
import { freePort } from './support/ports.ts'
import { RawReader } from './support/raw.ts'
import { expectProblem, send } from './support/requests.ts'
import { Room, stores, untilReady, useRedis } from './support/rooms.ts'
import { program, startServer, type TestServer } from './support/server.ts'
import { openStream } from './support/streams.ts'

describe('the process', () => {
  test.each([
    ['PORT=http', { PORT: 'http' }, /PORT.*65535.*http/],
    ['LEASE_MS=50', { LEASE_MS: '50' }, /LEASE_MS.*100.*50/],
    ['HOST=0.0.0.0', { HOST: '0.0.0.0' }, /HOST.*0\.0\.0\.0.*AUTH=off/],
    ['TRUST_PROXY=nonsense', { TRUST_PROXY: 'nonsense' }, /TRUST_PROXY.*nonsense/],
    ['LOG_LEVEL=loud', { LOG_LEVEL: 'loud' }, /LOG_LEVEL.*loud/],
    ['LOG_FORMAT=xml', { LOG_FORMAT: 'xml' }, /LOG_FORMAT.*json, pretty.*xml/],
    ['REDIS_URL=http://…', { REDIS_URL: 'http://:hunter2@localhost' }, /REDIS_URL/],
  ])('with %s prints one line with the reason and no stack, and exits 1', async (_, env, why) => {
    const { code, errors } = await refusal(env)
    expect(code).toBe('1')
    expect(errors).toMatch(why)
    expect(errors).not.toMatch(/hunter2|\n\s+at /)
    expect(errors.trim().split('\n')).toHaveLength(1)
  })

  test('reports all invalid variables together', async () => {
    const { errors } = await refusal({ PORT: 'a', LEASE_MS: 'b', HISTORY_LENGTH: '9' })
    for (const name of ['PORT', 'LEASE_MS', 'HISTORY_LENGTH']) expect(errors).toContain(name)
  })

  test('with a port that is in use prints the port and exits 1', async () => {
    const other: Server = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const address = other.address()
    const port = typeof address === 'object' && address ? `${address.port}` : ''
    for (const env of [{ PORT: port }, { ADMIN_PORT: port }]) {
      const { code, errors } = await refusal(env)
      expect(code).toBe('1')
      expect(errors).toContain(port)
      expect(errors).not.toMatch(/\n\s+at /)
    }
    other.close()
  })

  test('starts without Redis, reports that it is not ready, and never prints the password', async () => {
    const server = await startServer({ REDIS_URL: `redis://:hunter2@127.0.0.1:${await freePort()}` })
    const { status, text } = await untilReady(server, false)
    expect(status).toBe(503)
    await logged(server, ({ msg }) => `${msg}`.includes('Redis'))
    await server.stop()
    expect(text + JSON.stringify(server.log)).not.toContain('hunter2')
    expect(server.child.exitCode).toBe(0)
  })

  test('listens on all addresses with AUTH=off', async () => {
    const server = await startServer({ HOST: '0.0.0.0', AUTH: 'off' })
    expect((await send(server.port, 'GET', '/healthz')).status).toBe(200)
    await server.stop()
  })
})

test('npm start exits when its process exits', async () => {
  const npm = spawn('npm', ['start', '--ignore-scripts'], {
    cwd: new URL('..', import.meta.url).pathname,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  for await (const part of npm.stdout) {
    if (!output.includes('listening') && `${part}`.includes('listening')) npm.kill('SIGTERM')
    output += part
  }
  expect(output).toContain('"msg":"ended"')
})

describe('LOG_FORMAT', () => {
  /** What a server with these settings prints until it listens. */
  async function printed(env: Record<string, string>): Promise<string> {
    const child = spawn(process.execPath, [program], {
      env: { PATH: process.env.PATH ?? '', PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    let output = ''
    for await (const part of child.stdout) {
      output += part
      if (`${part}`.includes('listening')) child.kill('SIGTERM')
    }
    expect(await exited).toEqual([0, null])
    return output
  }

  test('pretty writes lines that are easy to read, without colors if the output is no terminal', async () => {
    const output = await printed({ LOG_FORMAT: 'pretty' })
    expect(output).toMatch(
      /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: listening {"host":"127.0.0.1","port":\d+,"store":"memory"}$/m,
    )
    expect(output).toMatch(/INFO: ended$/m)
    expect(output).not.toContain('\x1b')
  })

  test('is json if the output is no terminal', async () => {
    const lines = (await printed({})).trim().split('\n')
    expect(lines.map(line => JSON.parse(line).msg)).toEqual(['listening', 'draining', 'ended'])
  })
})

test('a HEARTBEAT_MS that is not below LEASE_MS is a warning', async () => {
  const messages = async (env: Record<string, string>) => {
    const server = await startServer(env)
    await server.stop()
    return server.log.filter(({ level }) => level === 40)
  }
  expect(await messages({ HEARTBEAT_MS: '2000', LEASE_MS: '2000' })).toMatchObject([
    { msg: expect.stringContaining('HEARTBEAT_MS is not below LEASE_MS'), heartbeatMs: 2_000, leaseMs: 2_000 },
  ])
  expect(await messages({ HEARTBEAT_MS: '1999', LEASE_MS: '2000' })).toEqual([])
})

test('KEEP_ALIVE_MS bounds the time that an idle connection stays open', async () => {
  const server = await startServer({ KEEP_ALIVE_MS: '300' })
  const socket = connect(server.port, '127.0.0.1')
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(socket, 'data')
  const from = performance.now()
  socket.resume()
  await once(socket, 'close')
  expect(performance.now() - from).toBeGreaterThan(250)
  expect(performance.now() - from).toBeLessThan(10_000)
  await server.stop()
})

describe('the log', () => {
  let server: TestServer
  beforeEach(async () => {
    server = await startServer({ LOG_LEVEL: 'trace' })
  })
  afterEach(() => server.stop())

  test('has a line for each opened and each closed stream, with cause and duration, and no query or token', async () => {
    const room = new Room(server)
    const stream = await openStream(`${server.url}${room.path}/sse?user=alice&access_token=secret`)
    await stream.next('snapshot')
    stream.close()
    const isOf = ({ room: name }: Record<string, unknown>) => name === room.name
    await logged(server, entry => isOf(entry) && entry.msg === 'stream closed')
    expect(server.log.filter(isOf)).toEqual([
      { level: 30, time: expect.any(Number), room: room.name, msg: 'stream opened' },
      {
        level: 30,
        time: expect.any(Number),
        room: room.name,
        cause: 'client',
        durationMs: expect.any(Number),
        msg: 'stream closed',
      },
    ])
    for (const path of ['/rooms/%zz/location', '/nothing', '/location/sse/more', '/sse', '/location/%00', '/..%2f'])
      await send(server.port, 'GET', `${path}?count=1&interval=10&access_token=secret`)
    await server.stop()
    expect(JSON.stringify(server.log)).not.toContain('secret')
  })

  test('does not contain the body of a request', async () => {
    const { body } = await new Room(server).post({ user: 'mallory', name: 'Mallory', x: 1 })
    expect(body.status).toBe(400)
    await server.stop()
    expect(JSON.stringify(server.log)).not.toMatch(/mallory/i)
  })
})

describe.each(stores)('with the %s store, SIGTERM', store => {
  const redis = store === 'redis' ? useRedis() : undefined
  const env = (): Record<string, string> => (redis ? { REDIS_URL: redis.url } : {})

  test('ends every open stream with a new retry line, and the server exits 0', async () => {
    const server = await startServer(env())
    await untilReady(server, true)
    const room = new Room(server)
    const streams = await Promise.all(Array.from({ length: 5 }, (_, i) => room.follow({ user: `user${i}` })))
    for (const stream of streams) await stream.next('snapshot')
    const ticks = await openStream(`${server.url}/sse?interval=10000`)
    const idle = await RawReader.open(server.port, `${room.path}/sse`)
    idle.pause()
    await server.stop()
    expect({ code: server.child.exitCode, signal: server.child.signalCode }).toEqual({ code: 0, signal: null })
    for (const stream of streams) {
      await stream.ended()
      // Heartbeats, a colon and one line feed each, may come between the last event and this line.
      expect(stream.text).toMatch(/\n\n(:\n)*retry: [123]\d{3}\n$/)
    }
    await ticks.ended()
    expect(ticks.text).toMatch(/\n\nretry: [123]\d{3}\n$/)
    idle.close()
    const closings = server.log.filter(({ msg }) => msg === 'stream closed')
    expect(closings.filter(({ cause }) => cause === 'drained').length).toBeGreaterThanOrEqual(5)
    expect(server.log.at(-1)).toMatchObject({ msg: 'ended' })
  })

  test('makes /readyz answer 503 and the server refuse new requests while a stream is open', async () => {
    const server = await startServer({ ...env(), DRAIN_MS: '4000' })
    await untilReady(server, true)
    const stream = await new Room(server).follow()
    await stream.next('snapshot')
    const exited = once(server.child, 'exit')
    server.child.kill('SIGTERM')
    expect((await untilReady(server, false)).headers.connection).toBe('close')
    for (const path of ['/location/sse', '/sse']) {
      const answer = await send(server.port, 'GET', path)
      expect(answer).toMatchObject({ status: 200, text: expect.stringMatching(/^retry: \d{4,5}\n$/) })
    }
    const json = { user: 'alice', x: 1, y: 1 }
    const refusals = await Promise.all([
      send(server.port, 'POST', '/location', { json }),
      send(server.port, 'GET', '/location'),
      send(server.port, 'POST', '/location/alive', { json }),
      send(server.port, 'DELETE', '/location/alice'),
    ])
    for (const answer of refusals) {
      expectProblem(answer, 503)
      expect(answer.headers).toMatchObject({ 'retry-after': '1', connection: 'close' })
    }
    const others = await Promise.all(['/healthz', '/metrics', '/'].map(path => send(server.port, 'GET', path)))
    for (const answer of others) expect(answer).toMatchObject({ status: 200, headers: { connection: 'close' } })
    await stream.ended()
    expect(await exited).toEqual([0, null])
  })

  test('lets a POST that is under way publish its location', async () => {
    const server = await startServer({ ...env(), DRAIN_MS: '4000' })
    await untilReady(server, true)
    const stream = await new Room(server, 'lobby').follow()
    await stream.next('snapshot')
    const body = JSON.stringify({ user: 'alice', x: 1, y: 1 })
    const request = httpRequest({
      port: server.port,
      method: 'POST',
      path: '/rooms/lobby/location',
      headers: { 'Content-Type': 'application/json', 'Content-Length': body.length, Expect: '100-continue' },
    })
    request.flushHeaders()
    await once(request, 'continue')
    const exited = once(server.child, 'exit')
    server.child.kill('SIGTERM')
    await untilReady(server, false)
    request.end(body)
    const [answer] = await once(request, 'response')
    expect(answer).toMatchObject({ statusCode: 200, headers: { connection: 'close' } })
    expect(await stream.next('location')).toMatchObject({ user: 'alice', x: 1 })
    answer.resume()
    await stream.ended()
    expect(await exited).toEqual([0, null])
  })

  test('ends the server even if the reader of its log is gone', async () => {
    const piped = spawn('sh', ['-c', '(node "$0" & echo $! >&2; wait) | head -n 1', program], {
      env: { PATH: process.env.PATH ?? '', PORT: '0', ...env() },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const exited = once(piped, 'exit')
    const [[pid]] = await Promise.all([once(piped.stderr, 'data'), once(piped.stdout, 'data')])
    process.kill(Number(pid), 'SIGTERM')
    await exited
  })

  test('ends a server without connections', async () => {
    const server = await startServer(env())
    await server.stop()
    expect(server.child.exitCode).toBe(0)
  })

  test('ends the server at once if it is sent twice, although a stalled stream is open', async () => {
    const server = await startServer(env())
    await untilReady(server, true)
    const room = new Room(server)
    const [reading, stalled] = [
      await RawReader.open(server.port, `${room.path}/sse`),
      await RawReader.open(server.port, `${room.path}/sse`),
    ]
    // Its socket is full, so it cannot receive the end of its stream.
    stalled.pause()
    const batch = Array.from({ length: 900 }, (_, i) => ({ user: `u${i}`, x: i, y: 0, meta: { a: 'x'.repeat(1000) } }))
    for (let i = 0; i < 20; i++) {
      const { ids } = (await room.post(batch)).body
      await reading.until(() => reading.lastEventId === ids?.at(-1))
    }
    const exited = once(server.child, 'exit')
    server.child.kill('SIGTERM')
    await logged(server, ({ msg }) => msg === 'draining')
    server.child.kill('SIGTERM')
    await exited
    expect(server.log.map(({ msg }) => msg)).not.toContain('ended')
    reading.close()
    stalled.close()
  })
})

/** Returns the exit code and the error output of a server that must not start. */
async function refusal(env: Record<string, string>): Promise<{ code: string; errors: string }> {
  const started = await startServer(env).catch((error: Error) => error)
  if (!(started instanceof Error)) {
    await started.stop()
    throw new Error('The server started.')
  }
  const [, code = '', errors = ''] = /ended with (\S+): (.*)$/s.exec(started.message) ?? []
  return { code, errors }
}
