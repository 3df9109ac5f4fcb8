/** The permissions that the Redis user needs. docs/deployment.md documents them. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { nanoid } from 'nanoid'
import { RedisBroker } from '../../../server/broker/redis/redis-broker.ts'
import { startCluster, type TestCluster } from '../../support/cluster.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { Room, untilReady } from '../../support/rooms.ts'
import { startServer } from '../../support/server.ts'
import { ready, readyStoreAt } from '../../support/stores.ts'
import { waitFor } from '../../support/wait-for.ts'
import { options, publishTo } from '../contract.ts'

const docs = readFileSync(new URL('../../../docs/deployment.md', import.meta.url), 'utf8')
/** The rules of the `ACL SETUSER` example in the documentation. */
const smallest = /^ACL SETUSER colocate (.*)$/m.exec(docs)?.[1]?.split(' ') ?? []
const keysAndChannels = ['on', '>pw', '~*', '&*']
const users = [
  { name: 'all commands except the dangerous ones', rules: [...keysAndChannels, '+@all', '-@dangerous'] },
  { name: 'the documented commands', rules: smallest },
]

describe('for a single Redis', () => {
  let redis: TestRedis
  let admin: Redis
  beforeAll(async () => {
    redis = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always'])
    admin = new Redis(redis.url, { retryStrategy: () => 50 }).on('error', () => {})
  })
  afterAll(async () => {
    admin.disconnect()
    await redis.stop()
  })
  const urlOf = (user: string) => redis.url.replace('//', `//${user}:pw@`)

  test.each(users)('$name are sufficient', async ({ rules }) => {
    expect(rules.length).toBeGreaterThan(3)
    await admin.acl('SETUSER', 'colocate', 'reset', ...rules.map(rule => rule.replace('<password>', 'pw')))
    await admin.acl('LOG', 'RESET')
    const server = await startServer({ REDIS_URL: urlOf('colocate'), LEASE_MS: '500', LEAVE_GRACE_MS: '100' })
    try {
      await untilReady(server, true)
      const room = new Room(server)
      const watcher = await room.follow({ user: 'watcher' })
      await watcher.next('snapshot')
      const stream = await room.follow({ user: 'alice', ack: '1' })
      const id = await room.put('alice', 1, 1, { seq: 1 })
      await watcher.next('location')
      expect((await room.put('alice', 1, 1, { seq: 1 })) === id).toBe(true)
      expect((await room.alive({ user: 'alice' })).status).toBe(204)
      expect((await room.who()).has('alice')).toBe(true)
      stream.close()
      await watcher.next('leave')
      await room.put('bob', 1, 1)
      await watcher.next('leave')
      const late = await room.follow({}, { 'last-event-id': id })
      await late.next('resumed')
      expect((await room.leave('alice')).status).toBe(204)
      const refused = ((await admin.acl('LOG')) as string[][]).map(entry => entry[entry.indexOf('object') + 1])
      // Both are optional: without INFO, the epoch is kept in a key; without CLIENT SETNAME, connections have no name.
      expect(refused.filter(command => !['info', 'client|setname'].includes(String(command)))).toEqual([])
      for (const each of [watcher, late]) each.close()
    } finally {
      await server.stop()
    }
  })

  test('without INFO, the brokers share an epoch, and a restart of Redis starts a new one', async () => {
    await admin.acl('SETUSER', 'limited', 'reset', ...keysAndChannels, '+@all', '-@dangerous')
    await admin.config('REWRITE').catch(() => {})
    const store = await readyStoreAt({ kind: 'single', url: urlOf('limited') })
    const other = await readyStoreAt({ kind: 'single', url: urlOf('limited') })
    try {
      const [broker, same] = [new RedisBroker(store, options), new RedisBroker(other, options)]
      const topic = nanoid()
      const [receipt] = await publishTo(broker, topic, [{ key: 'alice', value: '1' }])
      await publishTo(same, topic, [{ key: 'alice', value: '2' }])
      const id = receipt?.id ?? ''
      for (const each of [broker, same]) {
        expect(await each.history(topic, id)).toMatchObject({ recovered: true, events: { length: 1 } })
      }
      await redis.kill()
      await waitFor('the store is unavailable', () => store.unavailableReason() !== null)
      await redis.restart()
      await admin.acl('SETUSER', 'limited', 'reset', ...keysAndChannels, '+@all', '-@dangerous')
      await Promise.all([ready(store), ready(other)])
      expect(await broker.history(topic, id)).toEqual({ recovered: false, events: [] })
      const { head } = await broker.latest(topic)
      expect(await same.history(topic, head)).toEqual({ recovered: true, events: [] })
    } finally {
      for (const each of [store, other]) each.close()
    }
  })
})

describe('for a cluster', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster()
  }, 60_000)
  afterAll(() => cluster?.stop())

  test.each(users)('$name are sufficient', async ({ rules }) => {
    // The test store uses the prefix "test" instead of "colocate".
    const ofTests = rules.map(rule => rule.replace('<password>', 'pw').replace('colocate:', 'test:'))
    for (const { admin } of cluster.nodes) await admin.acl('SETUSER', 'app', 'reset', ...ofTests)
    const store = await readyStoreAt({
      kind: 'cluster',
      nodes: cluster.addresses,
      username: 'app',
      password: 'pw',
    })
    try {
      const broker = new RedisBroker(store, options)
      for (let i = 0; i < 20; i++) {
        const topic = nanoid()
        const [receipt] = await publishTo(broker, topic, [{ key: 'alice', value: '1' }])
        expect(await broker.history(topic, receipt?.id ?? '')).toEqual({ recovered: true, events: [] })
        ;(await broker.subscribe(topic, { announced() {}, interrupted() {} }))()
      }
    } finally {
      store.close()
    }
  })
})
