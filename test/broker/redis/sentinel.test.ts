import { afterAll, beforeAll } from '@jest/globals'
import { RedisBroker } from '../../../server/broker/redis/redis-broker.ts'
import type { RedisStore } from '../../../server/broker/redis/redis-store.ts'
import { startSentinel, type TestSentinel } from '../../support/sentinel.ts'
import { readyStoreAt } from '../../support/stores.ts'
import { brokerContract } from '../contract.ts'

let sentinel: TestSentinel
beforeAll(async () => {
  sentinel = await startSentinel(1)
}, 60_000)
const stores: RedisStore[] = []
afterAll(async () => {
  for (const store of stores) store.close()
  await sentinel?.stop()
})

brokerContract('Redis behind Sentinel', async options => {
  const store = await readyStoreAt({ kind: 'sentinel', sentinels: sentinel.sentinels, name: sentinel.name })
  stores.push(store)
  return new RedisBroker(store, options)
})
