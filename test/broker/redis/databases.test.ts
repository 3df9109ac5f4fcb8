/** Databases and prefixes of one Redis are isolated from each other, although Pub/Sub ignores databases. */
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

async function subscribeAt(path: string, prefix: string) {
  const store = new RedisStore(
    connect({ kind: 'single', url: redis.url + path }, () => {}),
    prefix,
  )
  stores.push(store)
  await ready(store)
  const broker = store.broker(options)
  const received: (string | null)[] = []
  await broker.subscribe('room', {
    announced: (_, events) => received.push(...events.map(({ value }) => value)),
    interrupted() {},
  })
  return { broker, received }
}

test('a subscriber receives only the events of its own database and prefix', async () => {
  const places: [path: string, prefix: string][] = [
    ['/0', 'test'],
    ['/1', 'test'],
    ['?db=2', 'test'],
    ['', 'test:events'],
    ['/1', 'other'],
  ]
  const subscribers = await Promise.all(places.map(([path, prefix]) => subscribeAt(path, prefix)))
  for (const [i, { broker }] of subscribers.entries()) await broker.publish('room', [{ key: 'alice', value: `${i}` }])
  for (const [i, { received }] of subscribers.entries()) {
    await waitFor('the subscriber receives an event', () => received.length > 0)
    expect(received).toEqual([`${i}`])
  }
})

test('database 0 uses channel names without a database number', async () => {
  const { broker, received } = await subscribeAt('/0', 'test')
  const { broker: same } = await subscribeAt('', 'test')
  await same.publish('room', [{ key: 'bob', value: 'same' }])
  await waitFor('the subscriber receives the event', () => received.includes('same'))
  const [store] = stores
  expect(await store?.connections.commands.pubsub('NUMSUB', 'test:{room}:events')).toEqual(['test:{room}:events', 3])
  await broker.remove('room', 'bob', 'left')
})
