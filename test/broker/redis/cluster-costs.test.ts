/** A cluster needs no script of its own for each topic. */
import { EventEmitter, once } from 'node:events'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { nanoid } from 'nanoid'
import { RedisBroker } from '../../../server/broker/redis/redis-broker.ts'
import type { RedisStore } from '../../../server/broker/redis/redis-store.ts'
import { startCluster, type TestCluster } from '../../support/cluster.ts'
import { callsDuring } from '../../support/redis-costs.ts'
import { readyStoreAt } from '../../support/stores.ts'
import { waitFor } from '../../support/wait-for.ts'
import { options, publishTo } from '../contract.ts'

let cluster: TestCluster
let store: RedisStore
let broker: RedisBroker
beforeAll(async () => {
  cluster = await startCluster()
  store = await readyStoreAt({ kind: 'cluster', nodes: cluster.addresses })
  broker = new RedisBroker(store, options)
}, 60_000)
afterAll(async () => {
  store?.close()
  await cluster?.stop()
})

const admins = () => cluster.nodes.map(({ admin }) => admin)
const keep = (topic: string) => broker.keep(topic, 'here', [{ key: 'alice', state: 'held' }], true)

test('1,000 idle topics of a cluster are kept by a script for each 60 of a node', async () => {
  const topics = Array.from({ length: 1_000 }, () => nanoid())
  const keepAll = () => Promise.all(topics.map(keep))
  // The nodes may still lack the script.
  await keepAll()
  // Each node gets a small write once a second, too.
  expect(await callsDuring(admins(), 'evalsha', keepAll)).toBeLessThan(1_000 / 50 + 60)
})

test('300 topics of a cluster are subscribed with at most two commands for each, and none is interrupted', async () => {
  const topics = Array.from({ length: 300 }, () => nanoid())
  let interruptions = 0
  const interrupted = () => interruptions++
  const unsubscribes: (() => void)[] = []
  const subscribeAll = async () => {
    const arrivals = topics.map(async topic => {
      const emitter = new EventEmitter()
      const arrived = once(emitter, 'announced')
      unsubscribes.push(await broker.subscribe(topic, { announced: () => emitter.emit('announced'), interrupted }))
      await publishTo(broker, topic, [{ key: 'alice', value: '1' }])
      await arrived
    })
    await Promise.all(arrivals)
  }
  expect(await callsDuring(admins(), 'ssubscribe', subscribeAll)).toBeLessThanOrEqual(2 * topics.length)
  expect(interruptions).toBe(0)
  for (const unsubscribe of unsubscribes) unsubscribe()
})

test('when a topic moves to another node, it is interrupted, and none of another slot', async () => {
  const bySlot = new Map<unknown, string>()
  while (bySlot.size < 100) {
    const topic = nanoid()
    bySlot.set(await cluster.nodes[0]?.admin.cluster('KEYSLOT', `{${topic}}`), topic)
  }
  const topics = [...bySlot.values()]
  const interrupted: string[] = []
  const unsubscribes = await Promise.all(
    topics.map(topic => broker.subscribe(topic, { announced() {}, interrupted: () => interrupted.push(topic) })),
  )
  const moving = topics.slice(0, 10)
  for (const topic of moving) {
    await cluster.migrate(`test:{${topic}}:log`)
    await waitFor('it is interrupted', () => interrupted.includes(topic))
  }
  expect(new Set(interrupted)).toEqual(new Set(moving))
  for (const unsubscribe of unsubscribes) unsubscribe()
})

test('topics are kept together while one after another moves to another node, and after that', async () => {
  const topics = Array.from({ length: 60 }, () => nanoid())
  const logOf = (topic: string) => `test:{${topic}}:log`
  const published = await Promise.all(topics.map(topic => publishTo(broker, topic, [{ key: 'alice', value: '1' }])))
  const heads = published.map(([receipt]) => receipt?.id)
  const keepAll = async () => (await Promise.all(topics.map(keep))).map(({ head }) => head)
  let isOver = false
  const keeping = (async () => {
    while (!isOver) expect(await keepAll()).toEqual(heads)
  })()
  // All move away from the same node. Nodes that give slots to each other at the same time may disagree for ever.
  const source = await cluster.masterOf(logOf(topics[0] ?? ''))
  for (const topic of topics) {
    if ((await cluster.masterOf(logOf(topic))) === source) await cluster.migrate(logOf(topic))
  }
  isOver = true
  await keeping
  expect(await keepAll()).toEqual(heads)
  for (const topic of topics) {
    expect((await broker.latest(topic)).entries).toMatchObject([{ key: 'alice', value: '1' }])
  }
})
