/** The broker keeps its promises when the round trip to Redis is slow. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { nanoid } from 'nanoid'
import { RedisBroker } from '../../../server/broker/redis/redis-broker.ts'
import type { RedisStore } from '../../../server/broker/redis/redis-store.ts'
import { TestProxy } from '../../support/proxy.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { readyStoreAt } from '../../support/stores.ts'
import { brokerContract, options } from '../contract.ts'

const roundTripMs = 180
jest.setTimeout(60_000)

let redis: TestRedis
let proxy: TestProxy
const stores: RedisStore[] = []
beforeAll(async () => {
  redis = await startRedis()
  proxy = await TestProxy.start(redis.port)
  proxy.delay(roundTripMs)
})
afterAll(async () => {
  for (const store of stores) store.close()
  await proxy?.stop()
  await redis?.stop()
})

async function connected(): Promise<RedisStore> {
  const store = await readyStoreAt({ kind: 'single', url: proxy.url })
  stores.push(store)
  return store
}

test('the first publish of an instance takes one round trip', async () => {
  const broker = new RedisBroker(await connected(), options)
  // The broker loads its scripts after it is created.
  await broker.latest(nanoid())
  const start = performance.now()
  expect(await broker.publish(nanoid(), [{ key: 'alice', value: '1' }])).toHaveLength(1)
  expect(performance.now() - start).toBeLessThan(1.9 * roundTripMs)
})

brokerContract('high-latency Redis', async options => new RedisBroker(await connected(), options), roundTripMs)
