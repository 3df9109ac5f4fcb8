/** What the broker costs Redis: bytes to replicate, scripts, and how much one script does. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { nanoid } from 'nanoid'
import { type BrokerOptions, beginning } from '../../../server/broker/broker.ts'
import { RedisBroker } from '../../../server/broker/redis/redis-broker.ts'
import type { RedisStore } from '../../../server/broker/redis/redis-store.ts'
import { storedOf } from '../../../server/location/location.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { callsDuring, commandCalls } from '../../support/redis-costs.ts'
import { readyStoreAt } from '../../support/stores.ts'
import { waitFor } from '../../support/wait-for.ts'
import { options as contractOptions, publishTo } from '../contract.ts'

/** The instance writes to Redis once a second, too. */
const backgroundScripts = 20

let redis: TestRedis
let admin: Redis
let store: RedisStore
beforeAll(async () => {
  redis = await startRedis()
  admin = new Redis(redis.url)
  store = await readyStoreAt({ kind: 'single', url: redis.url })
})
afterAll(async () => {
  store.close()
  admin.disconnect()
  await redis.stop()
})

const brokerWith = (options: Partial<BrokerOptions> = {}) =>
  new RedisBroker(store, { ...contractOptions, historyLength: 1_000, historyTtlMs: 3_600_000, ...options })
const draftsOf = (count: number) => Array.from({ length: count }, (_, i) => ({ key: `user-${i}`, value: '0' }))
const untilEnded = (topic: string) =>
  waitFor('the leases have ended', async () => {
    const [, end] = await admin.zrange(`test:{${topic}}:leases`, '-1', '-1', 'WITHSCORES')
    const [seconds, micros] = await admin.time()
    return Number(end) < Number(seconds) * 1_000 + Number(micros) / 1_000
  })

test('a location of 61 bytes replicates as four commands and less than 300 bytes', async () => {
  const replica = await startRedis(['--replicaof', `127.0.0.1 ${redis.port}`])
  const atReplica = new Redis(replica.url)
  try {
    const field = async (client: Redis, name: string) =>
      new RegExp(`^${name}:(\\S+)`, 'm').exec(await client.info('replication'))?.[1]
    await waitFor('the replica is connected', async () => (await field(atReplica, 'master_link_status')) === 'up')
    const broker = brokerWith()
    const topic = 'lobby'
    const value = storedOf('alice', { name: 'Alice', color: '#e4572e', x: 2, y: 2 }, false)
    const inStep = () =>
      waitFor('the replica is in step', async () => {
        const offsets = [await field(admin, 'master_repl_offset'), await field(atReplica, 'slave_repl_offset')]
        return offsets[0] === offsets[1]
      })
    const replicated = async () => {
      await inStep()
      const calls = await commandCalls(atReplica)
      const commands = ['multi', 'exec', 'xadd', 'hset', 'zadd', 'pexpire', 'hdel', 'zrem', 'del', 'xtrim', 'publish']
      return {
        bytes: Number(await field(admin, 'master_repl_offset')),
        commands: commands.reduce((sum, name) => sum + (calls.get(name) ?? 0), 0),
      }
    }
    // From here on the history is full.
    for (let i = 0; i < 12; i++) await publishTo(broker, topic, Array(100).fill({ key: 'alice', value }))
    const count = 2_000
    const before = await replicated()
    for (let i = 0; i < count; i++) await publishTo(broker, topic, [{ key: 'alice', value }])
    const after = await replicated()
    expect((after.bytes - before.bytes) / count).toBeLessThan(300)
    expect((after.commands - before.commands) / count).toBeLessThan(4.5)
  } finally {
    atReplica.disconnect()
    await replica.stop()
  }
})

test('the log of a busy topic is trimmed at most once for each 100 events, and keeps at least its length', async () => {
  const broker = brokerWith()
  const topic = nanoid()
  const [first] = await publishTo(broker, topic, draftsOf(1))
  for (let i = 0; i < 25; i++) {
    await publishTo(broker, topic, draftsOf(100))
    const length = await admin.xlen(`test:{${topic}}:log`)
    expect(length).toBeLessThanOrEqual(1_100)
    if (i >= 10) expect(length).toBeGreaterThanOrEqual(1_000)
  }
  expect((await broker.history(topic, first?.id ?? '')).recovered).toBe(false)
})

test('leases of 20,000 keys are renewed by scripts of at most 250', async () => {
  const broker = brokerWith()
  const holds = Array.from({ length: 20_000 }, (_, i) => ({ key: `user-${i}`, state: 'held' as const }))
  const topic = nanoid()
  const scripts = await callsDuring([admin], 'evalsha', () => broker.keep(topic, 'here', holds, true))
  expect(scripts).toBeGreaterThanOrEqual(20_000 / 250)
  expect(scripts).toBeLessThan(20_000 / 200 + backgroundScripts)
})

test('1,000 idle topics are kept by a script for each 60 of them', async () => {
  const broker = brokerWith()
  const topics = Array.from({ length: 1_000 }, () => nanoid())
  const keepAll = () =>
    Promise.all(topics.map(topic => broker.keep(topic, 'here', [{ key: 'alice', state: 'held' }], true)))
  expect(await callsDuring([admin], 'evalsha', keepAll)).toBeLessThan(1_000 / 50 + backgroundScripts)
})

test('1,000 keys whose leases have ended are removed by scripts of at most 150, and a list contains none of them', async () => {
  const broker = brokerWith({ leaseMs: 200 })
  const topic = nanoid()
  await publishTo(broker, topic, draftsOf(1_000))
  await untilEnded(topic)
  let entries: unknown[] = []
  const scripts = await callsDuring([admin], 'evalsha', async () => {
    entries = (await broker.latest(topic)).entries
  })
  expect(entries).toEqual([])
  expect(scripts).toBeGreaterThanOrEqual(1_000 / 150)
  const { events } = await broker.history(topic, beginning)
  expect(events.filter(({ reason }) => reason === 'expired')).toHaveLength(1_000)
})

test('a full topic has room for new keys once it contains only keys whose leases have ended, however many', async () => {
  const broker = brokerWith({ leaseMs: 200, maxKeys: 1_000 })
  const topic = nanoid()
  await publishTo(broker, topic, draftsOf(1_000))
  await untilEnded(topic)
  const others = draftsOf(900).map(({ value }, i) => ({ key: `other-${i}`, value }))
  const scripts = await callsDuring([admin], 'evalsha', () => publishTo(broker, topic, others))
  expect(scripts).toBeGreaterThanOrEqual(900 / 150)
})

test('a topic of 5,000 keys is read in parts, and what changes between them is in the result', async () => {
  const broker = brokerWith({ historyLength: 100_000 })
  const topic = nanoid()
  for (let i = 0; i < 5; i++) {
    await publishTo(broker, topic, draftsOf(5_000).slice(1_000 * i, 1_000 * i + 1_000))
  }
  expect(await callsDuring([admin], 'hscan', () => broker.latest(topic))).toBeGreaterThanOrEqual(4)
  let isOver = false
  const changing = (async () => {
    for (let i = 0; !isOver; i++) {
      const [key, other] = [`user-${(i * 37) % 5_000}`, `user-${(i * 61) % 5_000}`]
      await Promise.all([publishTo(broker, topic, [{ key, value: `${i}` }]), broker.remove(topic, other, 'left')])
    }
  })()
  for (let i = 0; i < 10; i++) {
    const { head, entries } = await broker.latest(topic)
    const { events } = await broker.history(topic, beginning)
    const expected = new Map<string, string>()
    for (const { id, key, value } of events.slice(0, events.findIndex(({ id }) => id === head) + 1)) {
      if (value === null) expected.delete(key)
      else expected.set(key, `${id} ${value}`)
    }
    expect(new Map(entries.map(({ id, key, value }) => [key, `${id} ${value}`]))).toEqual(expected)
  }
  isOver = true
  await changing
})

test('a topic of 5,000 keys that changes faster than its history is long is read in one step', async () => {
  const broker = brokerWith({ historyLength: 1 })
  const topic = nanoid()
  for (let i = 0; i < 5; i++) {
    await publishTo(broker, topic, draftsOf(5_000).slice(1_000 * i, 1_000 * i + 1_000))
  }
  let isOver = false
  const changing = (async () => {
    for (let i = 0; !isOver; i++) await publishTo(broker, topic, [{ key: 'user-7', value: `${i}` }])
  })()
  for (let i = 0; i < 5; i++) {
    const { head, entries } = await broker.latest(topic)
    expect(entries).toHaveLength(5_000)
    expect(entries.find(({ key }) => key === 'user-7')?.id).toBe(head)
  }
  isOver = true
  await changing
})
