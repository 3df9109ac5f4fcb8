/** A cluster needs no script of its own for each topic. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { nanoid } from 'nanoid'
import { RedisBroker } from '../../../server/broker/redis/redis-broker.ts'
import type { RedisStore } from '../../../server/broker/redis/redis-store.ts'
import { startCluster, type TestCluster } from '../../support/cluster.ts'
import { callsDuring } from '../../support/redis-costs.ts'
import { readyStoreAt } from '../../support/stores.ts'
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
