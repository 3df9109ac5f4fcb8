/** Databases and prefixes of one Redis do not hear each other, although Pub/Sub has no databases. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { connect } from '../../../server/broker/redis/connections.ts'
import { RedisStore } from '../../../server/broker/redis/redis-store.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { ready } from '../../support/stores.ts'
import { waitFor } from '../../support/wait-for.ts'
import { options } from '../contract.ts'

let redis: TestRedis
const stores: RedisStore[] = []
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(async () => {
  for (const store of stores) store.close()
  await redis.stop()
})

async function listener(path: string, prefix: string) {
  const store = new RedisStore(
    connect({ kind: 'single', url: redis.url + path }, () => {}),
    prefix,
  )
  stores.push(store)
  await ready(store)
  const broker = store.broker(options)
  const heard: (string | null)[] = []
  await broker.subscribe('room', {
    announced: (_, events) => heard.push(...events.map(({ value }) => value)),
    interrupted() {},
  })
  return { broker, heard }
}

test('each publish is heard in its own database and under its own prefix alone', async () => {
  const places: [path: string, prefix: string][] = [
    ['/0', 'test'],
    ['/1', 'test'],
    ['?db=2', 'test'],
    ['', 'test:events'],
    ['/1', 'other'],
  ]
  const listeners = await Promise.all(places.map(([path, prefix]) => listener(path, prefix)))
  for (const [i, { broker }] of listeners.entries()) await broker.publish('room', [{ key: 'alice', value: `${i}` }])
  for (const [i, { heard }] of listeners.entries()) {
    await waitFor('it is heard', () => heard.length > 0)
    expect(heard).toEqual([`${i}`])
  }
})

test('database 0 has the channels that it always had', async () => {
  const { broker, heard } = await listener('/0', 'test')
  const { broker: same } = await listener('', 'test')
  await same.publish('room', [{ key: 'bob', value: 'same' }])
  await waitFor('it is heard', () => heard.includes('same'))
  const [store] = stores
  expect(await store?.connections.commands.pubsub('NUMSUB', 'test:{room}:events')).toEqual(['test:{room}:events', 3])
  await broker.remove('room', 'bob', 'left')
})
