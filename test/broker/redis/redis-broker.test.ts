import { afterAll, beforeAll } from '@jest/globals'
import { RedisBroker } from '../../../server/broker/redis/redis-broker.ts'
import type { RedisStore } from '../../../server/broker/redis/redis-store.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { readyStoreAt } from '../../support/stores.ts'
import { brokerContract } from '../contract.ts'

let redis: TestRedis
beforeAll(async () => {
  redis = await startRedis()
})
const stores: RedisStore[] = []
afterAll(async () => {
  for (const store of stores) store.close()
  await redis.stop()
})

brokerContract('Redis', async options => {
  const store = await readyStoreAt({ kind: 'single', url: redis.url })
  stores.push(store)
  return new RedisBroker(store, options)
})
