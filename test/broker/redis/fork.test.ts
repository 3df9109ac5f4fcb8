/**
 * Histories after Redis loses data. An entry that is still in the log does not prove that the entries after it are complete.
 */
import { afterEach, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { nanoid } from 'nanoid'
import { beginning } from '../../../server/broker/broker.ts'
import { RedisBroker } from '../../../server/broker/redis/redis-broker.ts'
import { TestProxy } from '../../support/proxy.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { ready, readyStoreAt } from '../../support/stores.ts'
import { waitFor } from '../../support/wait-for.ts'
import { options, publishTo } from '../contract.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function connected(url: string) {
  const store = await readyStoreAt({ kind: 'single', url })
  cleanups.push(async () => store.close())
  return { store, broker: new RedisBroker(store, options) }
}

async function redisWith(...settings: string[]): Promise<TestRedis> {
  const redis = await startRedis(settings)
  cleanups.push(() => redis.stop())
  return redis
}

async function publish(broker: RedisBroker, topic: string, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i++) {
    const [receipt] = await publishTo(broker, topic, [{ key: 'alice', value: `${i}` }])
    ids.push(receipt?.id ?? '')
  }
  return ids
}

/** By default, a master waits 5 s for more replicas before it starts to send its data. */
const syncAtOnce = ['--repl-diskless-sync-delay', '0']

describe('after a stale replica is promoted', () => {
  test('the broker recovers from new ids but not from earlier ones, because events after them may be lost', async () => {
    const master = await redisWith(...syncAtOnce)
    const replication = await TestProxy.start(master.port)
    cleanups.push(() => replication.stop())
    const replica = await redisWith('--replicaof', `127.0.0.1 ${replication.port}`)
    const admin = new Redis(replica.url)
    cleanups.push(async () => admin.disconnect())
    await waitFor('the replica is connected', async () => (await admin.info('replication')).includes('link_status:up'))

    const topic = nanoid()
    const { broker: before } = await connected(master.url)
    const [seen = ''] = await publish(before, topic, 1)
    await waitFor('the replica has the entry', async () => (await admin.xlen(`test:{${topic}}:log`)) === 1)
    replication.swallow('replication', 'replies')
    await publish(before, topic, 5)
    await master.kill()
    await admin.replicaof('NO', 'ONE')

    const { broker: after } = await connected(replica.url)
    expect(await after.history(topic, seen)).toEqual({ recovered: false, events: [] })
    const { head, entries } = await after.latest(topic)
    expect(head).not.toBe(seen)
    expect(entries).toMatchObject([{ key: 'alice', id: seen }])
    expect(await after.history(topic, beginning)).toMatchObject({ recovered: false })
    const [next] = await publish(after, topic, 1)
    expect(await after.history(topic, head)).toMatchObject({ recovered: true, events: [{ id: next }] })
  })

  test('the broker announces the new log to subscribers at once', async () => {
    const master = await redisWith(...syncAtOnce)
    const replica = await redisWith('--replicaof', `127.0.0.1 ${master.port}`)
    const admin = new Redis(replica.url)
    cleanups.push(async () => admin.disconnect())
    await waitFor('the replica is connected', async () => (await admin.info('replication')).includes('link_status:up'))
    const topic = nanoid()
    const { broker: before } = await connected(master.url)
    const [seen] = await publish(before, topic, 1)
    await waitFor('the replica has the entry', async () => (await admin.xlen(`test:{${topic}}:log`)) === 1)
    await admin.replicaof('NO', 'ONE')

    const { broker: after } = await connected(replica.url)
    const heads: string[] = []
    await after.subscribe(topic, { announced: head => heads.push(head), interrupted() {} })
    const { head } = await after.latest(topic)
    await waitFor('the new log is announced', () => heads.length > 0)
    expect(heads).toEqual([head])
    expect(head).not.toBe(seen)
  })
})

describe('after a restart', () => {
  test.each([
    { name: 'of Redis with its append-only file, the broker recovers from earlier ids', aof: 'yes', recovered: true },
    { name: 'of Redis with an older dump, the broker recovers from no earlier id', aof: 'no', recovered: false },
  ])('$name', async ({ aof, recovered }) => {
    const redis = await redisWith('--appendonly', aof, '--appendfsync', 'always')
    const admin = new Redis(redis.url).on('error', () => {})
    cleanups.push(async () => admin.disconnect())
    const topic = nanoid()
    const { store, broker } = await connected(redis.url)
    const [seen = ''] = await publish(broker, topic, 1)
    if (aof === 'no') await admin.save()
    await publish(broker, topic, 2)
    await redis.kill()
    await waitFor('the store is unavailable', () => store.unavailableReason() !== null)
    await redis.restart()
    await ready(store)
    const history = await broker.history(topic, seen)
    expect(history.recovered).toBe(recovered)
    expect(history.events).toHaveLength(recovered ? 2 : 0)
  })
})

test('the broker reloads scripts that Redis has flushed, and rejects on time if the round trip takes too long', async () => {
  const redis = await redisWith()
  const proxy = await TestProxy.start(redis.port)
  cleanups.push(() => proxy.stop())
  const { broker } = await connected(proxy.url)
  const admin = new Redis(redis.url)
  cleanups.push(async () => admin.disconnect())
  const topic = nanoid()
  proxy.delay(400)
  await admin.script('FLUSH')
  expect(await broker.latest(topic)).toEqual({ head: beginning, entries: [] })
  proxy.delay(1_300)
  await admin.script('FLUSH')
  const start = performance.now()
  await expect(broker.latest(topic)).rejects.toThrow()
  expect(performance.now() - start).toBeLessThan(2_000)
})

test('after Redis evicts the log, the broker recovers from no earlier id, although the values are still there', async () => {
  const redis = await redisWith()
  const { broker } = await connected(redis.url)
  const topic = nanoid()
  await broker.publish(topic, [{ key: 'bob', value: '1' }])
  const [seen = ''] = await publish(broker, topic, 1)
  await broker.remove(topic, 'bob', 'left')
  const admin = new Redis(redis.url)
  cleanups.push(async () => admin.disconnect())
  await admin.del(`test:{${topic}}:log`)
  expect(await broker.history(topic, seen)).toEqual({ recovered: false, events: [] })
  const { head, entries } = await broker.latest(topic)
  expect(entries).toMatchObject([{ key: 'alice', id: seen }])
  const [next] = await publish(broker, topic, 1)
  expect(await broker.history(topic, head)).toMatchObject({ recovered: true, events: [{ id: next }] })
})
