import { afterAll, beforeAll } from '@jest/globals'
import { RedisBroker } from '../../../server/broker/redis/redis-broker.ts'
import type { RedisStore } from '../../../server/broker/redis/redis-store.ts'
import { startCluster, type TestCluster } from '../../support/cluster.ts'
import { readyStoreAt } from '../../support/stores.ts'
import { brokerContract } from '../contract.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startCluster()
}, 60_000)
const stores: RedisStore[] = []
afterAll(async () => {
  for (const store of stores) store.close()
  await cluster?.stop()
})

brokerContract('Redis Cluster', async options => {
  const store = await readyStoreAt({ kind: 'cluster', nodes: cluster.addresses })
  stores.push(store)
  return new RedisBroker(store, options)
})
