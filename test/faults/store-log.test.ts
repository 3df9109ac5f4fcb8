/** How the log, /readyz and the metrics show that the store is unavailable or refuses commands. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { logged } from '../support/log.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { send } from '../support/requests.ts'
import { Room, untilReady } from '../support/rooms.ts'
import { program, startServer, type TestServer } from '../support/server.ts'
import { waitFor } from '../support/wait-for.ts'

let redis: TestRedis
let server: TestServer
beforeAll(async () => {
  redis = await startRedis()
  server = await startServer({ REDIS_URL: redis.url, POST_RATE: '1000000' })
  await untilReady(server, true)
})
afterAll(async () => {
  await server?.stop()
  await redis?.stop()
})

/** Posts to two rooms and lists them, 20 times a second, for `ms` milliseconds. */
async function load(ms: number): Promise<void> {
  const rooms = [new Room(server), new Room(server)]
  const endAt = performance.now() + ms
  while (performance.now() < endAt) {
    await Promise.all(rooms.flatMap(room => [room.post({ user: 'alice', x: 1, y: 1 }), room.get()]))
    await send(server.port, 'GET', '/readyz')
    await setTimeout(50)
  }
}

const linesFrom = (start: number) => server.log.slice(start).filter(({ level }) => Number(level) >= 40)

describe('while Redis is unavailable and requests arrive,', () => {
  test.each([
    { name: 'killed', go: () => redis.kill(), back: () => redis.restart() },
    { name: 'hung', go: async () => redis.hang(), back: async () => redis.wake() },
  ])(
    'the log has one line when the outage starts, one when it ends and one every 10 s in between: $name',
    async each => {
      const start = server.log.length
      await each.go()
      await load(14_000)
      const warnings = linesFrom(start)
      expect(warnings.filter(({ msg }) => msg === 'Redis unavailable')).toHaveLength(1)
      expect(warnings.length).toBeLessThanOrEqual(4)
      await each.back()
      await untilReady(server, true)
      const { afterMs } = await logged(server, ({ msg }) => msg === 'Redis available')
      expect(afterMs).toBeGreaterThan(10_000)
      expect(linesFrom(start).length).toBeLessThanOrEqual(4)
      server.log.splice(0)
    },
    60_000,
  )
})

describe('a Redis that refuses commands', () => {
  test('appears with its error message in /readyz and the log, and with its error code in the metrics, until a write succeeds', async () => {
    const admin = new Redis(redis.url)
    const room = new Room(server)
    const oom = "OOM command not allowed when used memory > 'maxmemory'."
    await admin.config('SET', 'maxmemory', '1')
    await load(3_000)
    const { text: reason } = await untilReady(server, false)
    expect(reason).toContain(oom)
    expect((await room.post({ user: 'alice', x: 1, y: 1 })).status).toBe(503)
    expect((await logged(server, ({ msg }) => msg === 'Redis refused')).reason).toBe(oom)
    expect(server.log.filter(({ msg }) => msg === 'Redis refused').length).toBeLessThanOrEqual(3)
    const { text: metrics } = await send(server.port, 'GET', '/metrics')
    expect(metrics).toMatch(/^colocate_store_errors_total\{code="OOM"\} [1-9]/m)
    await admin.config('SET', 'maxmemory', '0')
    await untilReady(server, true)
    await room.put('alice', 1, 1)
    server.log.splice(0)

    // An error in a single room does not make the instance unready.
    await admin.set('colocate:{broken}:values', 'no hash')
    expect((await new Room(server, 'broken').post({ user: 'alice', x: 1, y: 1 })).status).toBe(503)
    await logged(server, ({ reason }) => String(reason).startsWith('WRONGTYPE'))
    expect((await send(server.port, 'GET', '/readyz')).status).toBe(200)
    admin.disconnect()
  }, 30_000)
})

test('a worker process without Redis warns that several workers do not share rooms', async () => {
  const script = `const cluster = require('node:cluster')
cluster.setupPrimary({ exec: ${JSON.stringify(program)}, execArgv: [] })
cluster.fork({ PORT: '0' })`
  const child = spawn(process.execPath, ['-e', script], {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  createInterface(child.stdout).on('line', line => lines.push(line))
  await waitFor('the worker listens', () => lines.some(line => line.includes('listening')))
  // A worker that loses its primary exits.
  child.kill('SIGKILL')
  expect(lines.join()).toMatch(/several workers without Redis/)
  const pm2 = await startServer({ NODE_APP_INSTANCE: '1' })
  expect(pm2.log.some(({ msg }) => String(msg).includes('several workers without Redis'))).toBe(true)
  await pm2.stop()
})
