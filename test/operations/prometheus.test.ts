/** A real Prometheus that scrapes real servers: each fault fires its alerts, and none fires without a fault. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { freePort } from '../support/ports.ts'
import { startPrometheus, type TestPrometheus } from '../support/prometheus.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { Room, untilReady } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'
import type { TestStream } from '../support/streams.ts'
import { waitFor } from '../support/wait-for.ts'

const streamCount = 4
const moveMs = 200
/** Before the faults, so that the counters have values from before. */
const scrapesBefore = 6

/** One server with a Redis of its own, readers, and a collaborator who moves. */
class Instance {
  readonly redis: TestRedis
  readonly adminPort: number
  server: TestServer
  #streams: TestStream[] = []
  #isOver = false
  #moving = Promise.resolve()

  private constructor(redis: TestRedis, adminPort: number, server: TestServer) {
    this.redis = redis
    this.adminPort = adminPort
    this.server = server
  }

  static async start(): Promise<Instance> {
    const redis = await startRedis()
    const adminPort = await freePort()
    const instance = new Instance(redis, adminPort, await startServer(settings(redis, adminPort)))
    await untilReady(instance.server, true)
    const room = new Room(instance.server, 'budget')
    await room.put('alice', 0, 0)
    instance.#streams = await Promise.all(Array.from({ length: streamCount }, () => room.follow()))
    instance.#moving = instance.#move(room)
    return instance
  }

  /** Sends a command to Redis on a connection of its own. */
  async command(name: string, ...args: string[]): Promise<void> {
    const connection = new Redis(this.redis.url, { lazyConnect: true })
    await connection.connect()
    await connection.call(name, ...args)
    connection.disconnect()
  }

  async restart(): Promise<void> {
    this.server.child.kill('SIGKILL')
    this.server = await startServer(settings(this.redis, this.adminPort))
  }

  async stop(): Promise<void> {
    this.#isOver = true
    // A request to a stopped server ends with its connection.
    this.server.child.kill('SIGKILL')
    await this.#moving
    for (const stream of this.#streams) stream.close()
    await this.redis.stop()
  }

  async #move(room: Room): Promise<void> {
    for (let x = 0; !this.#isOver; x++) {
      await room.post({ user: 'alice', x, y: 0 }).catch(() => {})
      await delay(moveMs)
    }
  }
}

function settings(redis: TestRedis, adminPort: number): Record<string, string> {
  return { REDIS_URL: redis.url, ADMIN_PORT: `${adminPort}` }
}

type Fault = [name: string, inject: (instance: Instance) => Promise<unknown> | unknown, alerts: string[]]

const down = ['ColocateNotReady', 'ColocateStoreDown', 'ColocateStoreErrors']
const faults: Fault[] = [
  ['Redis stopped', ({ redis }) => redis.kill(), down],
  ['Redis hung', ({ redis }) => redis.hang(), down],
  ['Redis full', instance => instance.command('CONFIG', 'SET', 'maxmemory', '1'), down],
  ['Redis without replicas', instance => instance.command('CONFIG', 'SET', 'min-replicas-to-write', '1'), down],
  ['Redis flushed', instance => instance.command('FLUSHALL'), ['ColocateReadersReset']],
  [
    'Pub/Sub connection killed',
    instance => instance.command('CLIENT', 'KILL', 'TYPE', 'pubsub'),
    ['ColocateSubscriptionInterrupted'],
  ],
  [
    'Redis restarted empty',
    async ({ redis }) => {
      await redis.kill()
      await redis.restart()
    },
    ['ColocateReadersReset', 'ColocateStoreErrors', 'ColocateSubscriptionInterrupted'],
  ],
  [
    'command connection killed',
    instance => instance.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
    ['ColocateStoreErrors'],
  ],
  ['instance killed', ({ server }) => server.child.kill('SIGKILL'), ['ColocateDown']],
  ['instance killed and started again', instance => instance.restart(), ['ColocateRestarted']],
  ['instance stopped', ({ server }) => server.child.kill('SIGSTOP'), ['ColocateDown']],
]

describe('Prometheus', () => {
  const instances = new Map<string, Instance>()
  let prometheus: TestPrometheus

  beforeAll(async () => {
    for (const name of ['no fault', ...faults.map(([each]) => each)]) instances.set(name, await Instance.start())
    prometheus = await startPrometheus(new Map([...instances].map(([name, { adminPort }]) => [name, adminPort])))
    await waitFor('every instance is scraped', async () => {
      const counts = await Promise.all([...instances.keys()].map(name => prometheus.scrapes(name)))
      return counts.every(count => count >= scrapesBefore)
    })
  }, 120_000)
  afterAll(async () => {
    await prometheus?.stop()
    await Promise.all([...instances.values()].map(instance => instance.stop()))
  }, 60_000)

  test('fires no alert while nothing is wrong', async () => {
    expect(await prometheus.firing()).toEqual(new Map())
  })

  test.each(faults)(
    'fires the alerts of this fault: %s',
    async (name, inject, alerts) => {
      const instance = instances.get(name)
      if (!instance) throw new Error('There is no instance for this fault.')
      await inject(instance)
      await waitFor(`${alerts} fire`, async () => {
        const firing = (await prometheus.firing()).get(name) ?? []
        return alerts.every(alert => firing.includes(alert))
      })
    },
    60_000,
  )

  test('fires no alert for the instance without a fault', async () => {
    expect((await prometheus.firing()).get('no fault')).toBeUndefined()
  })
})
