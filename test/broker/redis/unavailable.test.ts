/** When the store reports Redis as unavailable. */
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Redis } from 'ioredis'
import { Unavailable } from '../../../server/broker/broker.ts'
import { RedisBroker } from '../../../server/broker/redis/redis-broker.ts'
import { startCluster } from '../../support/cluster.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { ready, readyStoreAt } from '../../support/stores.ts'
import { waitFor } from '../../support/wait-for.ts'
import { options } from '../contract.ts'

let redis: TestRedis
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

test('a late reply on an abandoned connection does not make the store available', async () => {
  const store = await readyStoreAt({ kind: 'single', url: redis.url })
  const broker = new RedisBroker(store, options)
  try {
    const { stream } = store.connections.commands as Redis
    redis.hang()
    // The stream may close without finishing.
    await Promise.race([once(stream, 'finish'), once(stream, 'close')])
    redis.wake()
    // Checks in every turn of the event loop to notice even a brief availability.
    while (store.unavailableReason()) await setImmediate()
    expect(await broker.publish('a room', [{ key: 'alice', value: '1' }])).toHaveLength(1)
  } finally {
    store.close()
  }
})

test('a cluster with missing slots is unavailable until they are served again', async () => {
  const cluster = await startCluster()
  const store = await readyStoreAt({ kind: 'cluster', nodes: cluster.addresses })
  const broker = new RedisBroker(store, options)
  const publish = () => broker.publish('a room', [{ key: 'alice', value: '1' }])
  try {
    await cluster.nodes[2]?.kill()
    await waitFor('the store is unavailable', () =>
      Boolean(store.unavailableReason()?.includes('CLUSTERDOWN The cluster is down')),
    )
    await expect(publish()).rejects.toBeInstanceOf(Unavailable)
    await cluster.nodes[2]?.restart()
    await ready(store)
    expect(await publish()).toHaveLength(1)
  } finally {
    store.close()
    await cluster.stop()
  }
}, 90_000)
