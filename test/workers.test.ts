/** Several worker processes on one address: what they share, how they are replaced, and how they end. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import { nanoid } from 'nanoid'
import { byId } from './support/client.ts'
import { colocate } from './support/command.ts'
import { metricsAt } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { Reader } from './support/reader.ts'
import { post, relaying } from './support/relays.ts'
import { send } from './support/requests.ts'
import { Room, useRedis } from './support/rooms.ts'
import { startServer, type TestServer } from './support/server.ts'
import type { TestStream } from './support/streams.ts'
import { begin, Upstream } from './support/upstream.ts'
import { waitFor } from './support/wait-for.ts'

const redis = useRedis()

/** Starts a server of several processes. Resolves once all of them listen. */
async function start(count: number, env: Record<string, string> = {}): Promise<TestServer> {
  const settings = { REDIS_URL: redis.url, REDIS_PREFIX: nanoid(8), WORKERS: `${count}`, DRAIN_MS: '300', ...env }
  const server = await startServer(settings)
  await waitFor('all workers listen', () => workersOf(server).length === count)
  return server
}

/** The process ids of all workers that have listened, in the order in which they did. */
function workersOf({ log }: TestServer): number[] {
  return log.filter(({ msg }) => msg === 'listening').map(({ pid }) => Number(pid))
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const areGone = (pids: number[]) => waitFor('the workers are gone', () => !pids.some(isAlive))

/** Opens streams until each worker has one. Connections are handed to the workers in turn. */
async function followAtEach(server: TestServer, room: Room): Promise<TestStream[]> {
  const opened = () => server.log.filter(({ msg }) => msg === 'stream opened')
  const streams: TestStream[] = []
  while (new Set(opened().map(({ pid }) => pid)).size < workersOf(server).length) {
    const stream = await room.follow()
    await stream.next('snapshot')
    streams.push(stream)
    await waitFor('the stream is logged', () => opened().length === streams.length)
  }
  expect(streams.length).toBeLessThan(8)
  return streams
}

describe('two workers', () => {
  test('serve the same rooms on one address, whichever of them takes a request', async () => {
    const server = await start(2)
    const room = new Room(server)
    const streams = await followAtEach(server, room)
    for (const x of [1, 2, 3, 4]) {
      await room.put('alice', x, 0)
      for (const stream of streams) expect(await stream.next('location')).toMatchObject({ x })
    }
    // An anonymous collaborator stays the same at the other worker.
    const first = await room.post({ x: 1, y: 1 })
    const cookie = String(first.headers['set-cookie']).split(';', 1)[0] ?? ''
    for (let i = 0; i < 4; i++) expect((await room.post({ x: i, y: 2 }, { cookie })).body.user).toBe(first.body.user)
    for (let i = 0; i < 4; i++) expect((await room.get()).body.locations).toHaveLength(2)
    await server.stop()
    expect(server.child.exitCode).toBe(0)
  })

  test('log their process ids, and no warning that they split the rooms', async () => {
    const server = await start(2)
    const [one, two] = workersOf(server)
    expect(one).not.toBe(two)
    await server.stop()
    expect(server.log.filter(({ level }) => Number(level) > 30)).toEqual([])
  })

  test.each(['PORT', 'ADMIN_PORT'])('report the metrics of both on %s', async name => {
    const adminPort = await freePort()
    const server = await start(2, name === 'ADMIN_PORT' ? { ADMIN_PORT: `${adminPort}` } : {})
    const url = name === 'ADMIN_PORT' ? `http://127.0.0.1:${adminPort}` : server.url
    const streams = await followAtEach(server, new Room(server))
    for (let i = 0; i < 6; i++) await send(server.port, 'GET', '/readyz')
    for (let i = 0; i < 2; i++) {
      const metrics = await metricsAt(url)
      expect(metrics.get('colocate_requests_total{route="/readyz",status="200"}')).toBe(6)
      expect(metrics.get('colocate_streams{log="rooms"}')).toBe(streams.length)
      for (const gauge of ['colocate_ready', 'colocate_store_up']) expect(metrics.get(gauge)).toBe(1)
      const versions = [...metrics].filter(([series]) => series.startsWith('colocate_build_info'))
      expect(versions.map(([, value]) => value)).toEqual([1])
    }
    if (name === 'ADMIN_PORT') expect((await send(server.port, 'GET', '/metrics')).status).toBe(404)
    for (const stream of streams) stream.close()
    await server.stop()
  })

  test('keep the limits together', async () => {
    const upstream = new Upstream()
    await upstream.listen()
    const target = upstream.answers('/short', call => void begin(call).end('data: x\n\n'))
    const limits = { MAX_STREAMS: '4', POST_RATE: '5', RELAY_RATE: '3' }
    const server = await start(2, relaying(upstream, limits))
    const room = new Room(server)
    const posts = await Promise.all(Array.from({ length: 40 }, (_, x) => room.post({ user: 'alice', x, y: 0 })))
    // The second may end between two of these POSTs.
    expect([5, 10]).toContain(posts.filter(({ status }) => status === 200).length)
    const runs = await Promise.all(Array.from({ length: 12 }, () => post(server, target)))
    expect(runs.filter(({ status }) => status === 200)).toHaveLength(3)
    for (const run of runs) await run.ended()
    const streams = await Promise.all(Array.from({ length: 12 }, () => room.follow()))
    const first = await Promise.all(streams.map(stream => Promise.race([stream.next('snapshot'), stream.ended()])))
    expect(first.filter(event => event !== undefined)).toHaveLength(4)
    await server.stop()
    await upstream.close()
  })
})

describe('a worker that crashes', () => {
  test('loses no acknowledged location, and is replaced while the other goes on', async () => {
    const server = await start(2)
    const room = nanoid()
    const readers = Array.from({ length: 4 }, () => new Reader())
    for (const reader of readers) reader.stay(() => server.url, room)
    for (const reader of readers) await reader.until(() => reader.segments.length > 0)
    const acknowledged: string[] = []
    let isWriting = true
    const write = async () => {
      for (let x = 0; isWriting; x++) {
        const answer = await new Room(server, room).post({ user: 'writer', x, y: 0 }).catch(() => undefined)
        if (answer?.body.id !== undefined) acknowledged.push(answer.body.id)
      }
    }
    const writing = write()
    const victims = workersOf(server)
    for (const [i, victim] of victims.entries()) {
      const target = acknowledged.length + 20
      await waitFor('there are posts', () => acknowledged.length > target)
      process.kill(victim, 'SIGKILL')
      const killedAt = performance.now()
      await waitFor('there are posts again', () => acknowledged.length > target + 20)
      await waitFor('the worker is replaced', () => workersOf(server).length === victims.length + i + 1)
      await waitFor('every stream is open', () => readers.every(({ isOpen }) => isOpen))
      process.stdout.write(`a killed worker: replaced after ${Math.round(performance.now() - killedAt)} ms\n`)
    }
    isWriting = false
    await writing
    const log = acknowledged.sort(byId)
    for (const reader of readers) {
      await reader.until(() => reader.lastEventId === log.at(-1))
      expect(reader.judge(log)).toEqual({ lost: 0, dup: 0, disorder: 0 })
      reader.drop()
    }
    expect(readers.reduce((sum, { resumes }) => sum + resumes, 0)).toBeGreaterThanOrEqual(4)
    expect(readers.every(({ resets }) => resets === 0)).toBe(true)
    await server.stop()
    expect(server.child.exitCode).toBe(0)
  })

  test('leaves no connection without an answer or an end', async () => {
    const server = await start(2)
    const [victim = 0] = workersOf(server)
    const requests: Promise<unknown>[] = []
    for (let i = 0; i < 200; i++) {
      requests.push(send(server.port, 'GET', '/healthz').catch((error: Error) => error))
      if (i === 100) process.kill(victim, 'SIGKILL')
      if (i % 20 === 0) await new Promise(setImmediate)
    }
    const outcomes = await Promise.all(requests)
    expect(outcomes.filter(outcome => !(outcome instanceof Error)).length).toBeGreaterThan(100)
    await server.stop()
  })

  test('is replaced later each time, and its counters stay in the metrics', async () => {
    const server = await start(2)
    for (let i = 0; i < 4; i++) await send(server.port, 'GET', '/readyz')
    const counted = async () =>
      (await metricsAt(server.url)).get('colocate_requests_total{route="/readyz",status="200"}')
    expect(await counted()).toBe(4)
    for (let crashes = 1; crashes <= 3; crashes++) {
      process.kill(workersOf(server).at(-1) ?? 0, 'SIGKILL')
      await waitFor('it is replaced', () => workersOf(server).length === 2 + crashes)
      expect(await counted()).toBe(4)
    }
    const crashes = server.log.filter(({ restartMs }) => restartMs !== undefined)
    expect(crashes.map(({ restartMs }) => restartMs)).toEqual([100, 200, 400])
    expect(crashes.map(({ worker, signal }) => [worker, signal])).toEqual(
      workersOf(server)
        .slice(1, 4)
        .map(pid => [pid, 'SIGKILL']),
    )
    await server.stop()
  })

  test('does not hold back the metrics of the others while it hangs', async () => {
    const server = await start(2)
    const [hung = 0] = workersOf(server)
    process.kill(hung, 'SIGSTOP')
    // Every second connection waits for the worker that hangs.
    const metrics = await Promise.any([metricsAt(server.url), metricsAt(server.url)])
    expect(metrics.get('colocate_ready')).toBe(1)
    process.kill(hung, 'SIGCONT')
    await server.stop()
  })
})

describe('the start of several workers', () => {
  test.each([[['--workers', '2']], [['--workers=2', '--port', '0']]])(
    'without Redis (%j) says so and exits 1',
    async args => {
      const { code, out, err } = await colocate(['serve', ...args])
      expect({ code, out }).toEqual({ code: 1, out: '' })
      expect(err).toMatch(/^2 workers need a Redis that they share: set REDIS_URL, .*, or set --workers to 1\n$/)
    },
  )

  test('with fewer streams than workers says so and exits 1', async () => {
    const env = { REDIS_URL: redis.url, WORKERS: '2', MAX_STREAMS: '1' }
    expect(await colocate([], env)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^MAX_STREAMS is 1, .*2 workers/),
    })
  })

  test('on a port that is in use prints the reason once and exits 1', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    for (const name of ['PORT', 'ADMIN_PORT']) {
      const { code, err } = await colocate([], { PORT: '0', REDIS_URL: redis.url, WORKERS: '3', [name]: `${port}` })
      expect(code).toBe(1)
      expect(err.match(/EADDRINUSE/g)).toHaveLength(1)
      expect(err).not.toMatch(/\n\s+at /)
    }
    other.close()
  })
})

describe('SIGTERM to the primary process', () => {
  test('ends the streams of all workers with a new retry line, and exits 0 in time', async () => {
    const server = await start(2)
    const streams = await followAtEach(server, new Room(server))
    const from = performance.now()
    await server.stop()
    expect(performance.now() - from).toBeLessThan(300 + 2_000)
    expect(server.child.exitCode).toBe(0)
    for (const stream of streams) {
      await stream.ended()
      expect(stream.text).toMatch(/\n\n(:\n)*retry: [123]\d{3}\n$/)
    }
    expect(server.log.filter(({ msg }) => msg === 'ended')).toHaveLength(3)
    await areGone(workersOf(server))
  })

  test('kills a worker that hangs, and exits 1 in time', async () => {
    const server = await start(2)
    const workers = workersOf(server)
    process.kill(workers[0] ?? 0, 'SIGSTOP')
    const from = performance.now()
    await server.stop()
    expect(performance.now() - from).toBeLessThan(300 + 2_000)
    expect(server.child.exitCode).toBe(1)
    await areGone(workers)
  })

  test('ends everything at once if it is sent twice', async () => {
    const server = await start(2, { DRAIN_MS: '60000' })
    await followAtEach(server, new Room(server))
    const exited = once(server.child, 'exit')
    server.child.kill('SIGTERM')
    await waitFor('both drain', () => server.log.filter(({ msg }) => msg === 'draining').length === 3)
    server.child.kill('SIGTERM')
    expect(await exited).toEqual([1, null])
    await areGone(workersOf(server))
  })
})

test('SIGINT to the whole process group, as from a terminal, drains the workers and exits 0', async () => {
  const server = await start(2)
  const streams = await followAtEach(server, new Room(server))
  const exited = once(server.child, 'exit')
  for (const pid of [...workersOf(server), server.child.pid ?? 0]) process.kill(pid, 'SIGINT')
  expect(await exited).toEqual([0, null])
  for (const stream of streams) {
    await stream.ended()
    expect(stream.text).toMatch(/\nretry: [123]\d{3}\n$/)
  }
})

test('workers whose primary process is killed exit by themselves', async () => {
  const server = await start(2)
  const streams = await followAtEach(server, new Room(server))
  const exited = once(server.child, 'exit')
  server.child.kill('SIGKILL')
  await exited
  await areGone(workersOf(server))
  for (const stream of streams) await stream.ended()
})

test('several workers below a process manager that runs workers itself are refused', async () => {
  const env = { REDIS_URL: redis.url, WORKERS: '2', NODE_UNIQUE_ID: '1' }
  expect(await colocate([], env)).toMatchObject({ code: 1, err: expect.stringContaining('Set WORKERS to 1') })
})
