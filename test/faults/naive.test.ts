/**
 * That these tests can fail: the naive server loses what the same faults do not cost the real one.
 */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Redis } from 'ioredis'
import { TestProxy } from '../support/proxy.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { Crowd } from './crowd.ts'
import { type NaiveServer, startNaive } from './naive.ts'
import { administer } from './scene.ts'

let redis: TestRedis
let admin: Redis
let proxy: TestProxy
let servers: NaiveServer[]

beforeEach(async () => {
  redis = await startRedis()
  admin = administer(redis)
  proxy = await TestProxy.start(redis.port)
  servers = await Promise.all([startNaive(proxy.url), startNaive(proxy.url)])
})
afterEach(async () => {
  await Promise.all(servers.map(server => server.stop()))
  admin.disconnect()
  await proxy.stop()
  await redis.stop()
})

const faults: { name: string; inject(crowd: Crowd): Promise<unknown> }[] = [
  { name: 'Pub/Sub killed', inject: () => admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub') as Promise<unknown> },
  {
    name: 'subscription connected but dead',
    inject: async () => proxy.swallow('subscription', 'replies'),
  },
  {
    name: 'history lost while a reader was away',
    async inject(crowd) {
      for (const reader of crowd.readers) reader.drop()
      await crowd.go(50)
      await admin.flushall()
      crowd.comeBack()
    },
  },
]

test.each(faults)(
  'the naive server loses locations in silence: $name',
  async ({ name, inject }) => {
    const crowd = new Crowd({ urls: () => servers.map(({ url }) => url), isHeard: async () => true, writers: 8 })
    await crowd.gather()
    for (let round = 0; round < 3; round++) {
      await crowd.go(100)
      await inject(crowd)
      await crowd.go(100)
    }
    const { lost } = await crowd.judge(`naive server, ${name}`, 3, false)
    expect(lost).toBeGreaterThan(0)
  },
  60_000,
)
