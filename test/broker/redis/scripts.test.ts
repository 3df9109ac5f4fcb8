/** One script that runs on several topics. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { Unavailable } from '../../../server/broker/broker.ts'
import { RedisBroker } from '../../../server/broker/redis/redis-broker.ts'
import type { RedisStore } from '../../../server/broker/redis/redis-store.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { readyStoreAt } from '../../support/stores.ts'
import { options } from '../contract.ts'

let redis: TestRedis
let store: RedisStore
let broker: RedisBroker

beforeAll(async () => {
  redis = await startRedis()
  store = await readyStoreAt({ kind: 'single', url: redis.url })
  broker = new RedisBroker(store, options)
})
afterAll(async () => {
  store.close()
  await redis.stop()
})

test('a topic that Redis cannot write to does not affect the other topics of the same script', async () => {
  const client = new Redis(redis.url)
  await client.set('test:{broken}:log', 'no stream')
  client.disconnect()
  const publish = (topic: string) => broker.publish(topic, [{ key: 'ann', value: topic }])

  const [one, broken, two] = await Promise.allSettled([publish('one'), publish('broken'), publish('two')])
  expect([one?.status, two?.status]).toEqual(['fulfilled', 'fulfilled'])
  expect(broken).toMatchObject({ status: 'rejected', reason: expect.any(Unavailable) })
  for (const topic of ['one', 'two']) {
    const { entries } = await broker.latest(topic)
    expect(entries.map(({ value }) => value)).toEqual([topic])
  }
  // A script that runs on this topic only rejects in the same way.
  await expect(publish('broken')).rejects.toBeInstanceOf(Unavailable)
})
