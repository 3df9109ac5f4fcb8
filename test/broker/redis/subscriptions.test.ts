/** How the broker chooses a node for a subscription, and how it rejects when no node is available. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, expect, test } from '@jest/globals'
import { nanoid } from 'nanoid'
import { Unavailable } from '../../../server/broker/broker.ts'
import { connect, type RedisPlace } from '../../../server/broker/redis/connections.ts'
import { RedisBroker } from '../../../server/broker/redis/redis-broker.ts'
import { RedisStore } from '../../../server/broker/redis/redis-store.ts'
import { startCluster } from '../../support/cluster.ts'
import { startSentinel } from '../../support/sentinel.ts'
import { ready } from '../../support/stores.ts'
import { waitFor } from '../../support/wait-for.ts'
import { options } from '../contract.ts'

const exec = promisify(execFile)
const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
}, 30_000)

async function connected(place: RedisPlace) {
  const connections = connect(place, () => {})
  const store = new RedisStore(connections, 'test')
  cleanups.push(async () => store.close())
  await ready(store)
  return { connections, store, broker: new RedisBroker(store, options) }
}

const subscriber = { announced() {}, interrupted() {} }

test('while every sentinel is unreachable, subscribe rejects; it succeeds once a sentinel is back', async () => {
  const sentinel = await startSentinel(1)
  cleanups.push(() => sentinel.stop())
  const { store, broker } = await connected({ kind: 'sentinel', sentinels: sentinel.sentinels, name: sentinel.name })
  const { admin } = await sentinel.master()
  sentinel.hang()
  await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await waitFor('the subscriptions are lost', () => store.unavailableReason() !== null)
  await expect(broker.subscribe(nanoid(), subscriber)).rejects.toBeInstanceOf(Unavailable)
  sentinel.wake()
  await ready(store)
  await broker.subscribe(nanoid(), subscriber)
}, 90_000)

test('the broker stops using a node that was removed from its cluster', async () => {
  const cluster = await startCluster()
  cleanups.push(() => cluster.stop())
  const [removed] = cluster.nodes
  if (!removed) throw new Error('There are no nodes.')
  // The store is given only this node, so it connects to it first.
  const { connections, store, broker } = await connected({
    kind: 'cluster',
    nodes: [`127.0.0.1:${removed.proxy.port}`],
  })
  const admin = async (...args: string[]) => exec('redis-cli', ['--cluster', ...args])
  const id = String(await removed.admin.cluster('MYID'))
  const other = cluster.nodes[1]
  await admin('rebalance', `127.0.0.1:${other?.port}`, '--cluster-weight', `${id}=0`)
  await waitFor('the node has no slots', async () => !(await cluster.masters()).includes(removed))
  await admin('del-node', `127.0.0.1:${other?.port}`, id)
  await waitFor('the broker can subscribe to every topic', async () => {
    for (let i = 0; i < 10; i++) await broker.subscribe(nanoid(), subscriber)
    return true
  })
  await ready(store)
  // The broker also connects again, although the only node in its configuration knows no cluster any more.
  connections.commands.disconnect(true)
  await ready(store)
}, 90_000)
