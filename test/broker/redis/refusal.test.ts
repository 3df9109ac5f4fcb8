/** A Redis that responds but refuses commands. The store reports its error message until a write succeeds, even when idle. */
import { rm } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { Unavailable } from '../../../server/broker/broker.ts'
import { connect, type RedisPlace } from '../../../server/broker/redis/connections.ts'
import { RedisStore } from '../../../server/broker/redis/redis-store.ts'
import { startCluster } from '../../support/cluster.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { ready } from '../../support/stores.ts'
import { waitFor } from '../../support/wait-for.ts'
import { options } from '../contract.ts'

const cleanups: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
}, 30_000)

function open(place: RedisPlace) {
  const codes: string[] = []
  const words: string[] = []
  const store = new RedisStore(
    connect(place, () => {}),
    'test',
    {
      onStoreError(code, said) {
        codes.push(code)
        if (said !== null) words.push(said)
      },
    },
  )
  cleanups.push(() => store.close())
  return { store, codes, words, broker: store.broker(options) }
}

const draft = [{ key: 'alice', value: '1' }]
const untilReasonIs = (store: RedisStore, words: string | RegExp) =>
  waitFor(`the reason is ${words}`, () => {
    const reason = store.unavailableReason()
    return typeof words === 'string' ? Boolean(reason?.includes(words)) : words.test(reason ?? '')
  })

describe('when Redis starts to refuse commands', () => {
  let redis: TestRedis
  let admin: Redis
  beforeAll(async () => {
    redis = await startRedis()
    admin = new Redis(redis.url)
  })
  afterAll(async () => {
    admin.disconnect()
    await redis.stop()
  })

  const config = (name: string, refusing: string, accepting: string) => ({
    refuse: () => admin.config('SET', name, refusing),
    accept: () => admin.config('SET', name, accepting),
  })
  test.each([
    { words: "OOM command not allowed when used memory > 'maxmemory'.", ...config('maxmemory', '1', '0') },
    { words: 'NOREPLICAS Not enough good replicas to write.', ...config('min-replicas-to-write', '1', '0') },
    {
      words: 'MISCONF ',
      async refuse() {
        const [, dir = ''] = (await admin.config('GET', 'dir')) as string[]
        await rm(dir, { recursive: true })
        await admin.config('SET', 'save', '3600 1')
        await admin.call('BGSAVE').catch(() => {})
        await waitFor('BGSAVE fails', async () => (await admin.info('persistence')).includes('bgsave_status:err'))
      },
      accept: () => admin.config('SET', 'save', ''),
    },
    {
      words: "ERR The user executing the script can't run this command or subcommand",
      refuse: () => admin.acl('SETUSER', 'default', '-xadd'),
      accept: () => admin.acl('SETUSER', 'default', '+@all'),
    },
    {
      words: "READONLY You can't write against a read only replica.",
      refuse: () => admin.replicaof('127.0.0.1', 1),
      accept: () => admin.replicaof('NO', 'ONE'),
    },
  ])('an idle store reports: $words', async ({ words, refuse, accept }) => {
    const { store, broker, codes } = open({ kind: 'single', url: redis.url })
    await ready(store)
    await refuse()
    try {
      await untilReasonIs(store, words)
      await expect(broker.publish('room', draft)).rejects.toBeInstanceOf(Unavailable)
      expect(codes).toContain(words.split(' ')[0])
    } finally {
      await accept()
    }
    await ready(store)
    expect(await broker.publish('room', draft)).toHaveLength(1)
  })

  test('a refused publish makes the store unavailable at once, but an error in a single room does not', async () => {
    const { store, broker, codes, words } = open({ kind: 'single', url: redis.url })
    await ready(store)
    await admin.set('test:{broken}:values', 'no hash')
    await expect(broker.publish('broken', draft)).rejects.toBeInstanceOf(Unavailable)
    expect(codes).toEqual(['WRONGTYPE'])
    expect(words).toEqual(['WRONGTYPE Operation against a key holding the wrong kind of value'])
    const start = performance.now()
    await waitFor('a second has passed', () => {
      expect(store.unavailableReason()).toBeNull()
      return performance.now() - start > 1_200
    })
    await admin.config('SET', 'maxmemory', '1')
    await expect(broker.publish('room', draft)).rejects.toBeInstanceOf(Unavailable)
    await waitFor('the store is unavailable', () => store.unavailableReason() !== null, { timeoutMs: 700 })
    await admin.config('SET', 'maxmemory', '0')
  })
})

test('a store whose database does not exist reports an error and does not use database 0 instead', async () => {
  const redis = await startRedis()
  cleanups.push(() => redis.stop())
  const { store, broker } = open({ kind: 'single', url: `${redis.url}/16` })
  await untilReasonIs(store, 'ERR DB index is out of range')
  await expect(broker.publish('room', draft)).rejects.toBeInstanceOf(Unavailable)
})

test('a store without a password or with a wrong password reports the authentication error', async () => {
  const redis = await startRedis(['--requirepass', 'secret'])
  cleanups.push(() => redis.stop())
  await untilReasonIs(open({ kind: 'single', url: redis.url }).store, 'NOAUTH ')
  const wrong = open({ kind: 'single', url: redis.url.replace('//', '//:wrong-one@') }).store
  await untilReasonIs(wrong, 'WRONGPASS ')
  expect(wrong.unavailableReason()).not.toContain('wrong-one')
})

test('a store whose Redis is loading its data reports that', async () => {
  const redis = await startRedis(['--appendonly', 'yes'])
  cleanups.push(() => redis.stop())
  const admin = new Redis(redis.url).on('error', () => {})
  cleanups.push(() => admin.disconnect())
  const keys = admin.pipeline()
  for (let i = 0; i < 20_000; i++) keys.set(`key${i}`, i)
  await keys.exec()
  const { store, words } = open({ kind: 'single', url: redis.url })
  await ready(store)
  await redis.kill()
  const restarted = redis.restart(['--key-load-delay', '150'])
  await untilReasonIs(store, 'LOADING Redis is loading the dataset in memory')
  await restarted
  await ready(store)
  expect(new Set(words)).toEqual(new Set(['LOADING Redis is loading the dataset in memory']))
})

test('a store that is configured for the wrong kind of Redis reports that', async () => {
  const cluster = await startCluster()
  cleanups.push(() => cluster.stop())
  const [address] = cluster.addresses
  const { store } = open({ kind: 'single', url: `redis://${address}` })
  await untilReasonIs(store, /MOVED \d+ .*REDIS_CLUSTER/)
  const redis = await startRedis()
  cleanups.push(() => redis.stop())
  const { store: other } = open({ kind: 'cluster', nodes: [`127.0.0.1:${redis.port}`] })
  await untilReasonIs(other, 'cluster support disabled')
}, 60_000)
