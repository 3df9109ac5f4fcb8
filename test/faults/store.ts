/**
 * The three kinds of Redis that the server supports, behind one interface.
 */
import { startCluster } from '../support/cluster.ts'
import { startNode, type TestNode } from '../support/node.ts'
import { startSentinel } from '../support/sentinel.ts'
import { waitFor } from '../support/wait-for.ts'

export type Kind = 'single' | 'sentinel' | 'cluster'

export interface Store {
  /** The environment variables with which the server connects to the store. */
  env: Record<string, string>
  nodes: TestNode[]
  /** The nodes that accept commands. */
  masters(): Promise<TestNode[]>
  /** The node that stores the room. */
  masterOf(room: string): Promise<TestNode>
  /** The number of subscriptions to the room. */
  listeners(room: string): Promise<number>
  /** Resolves once every master accepts commands. */
  untilAvailable(): Promise<void>
  /** Restarts the nodes that a fault stopped. Resolves once all nodes are in sync. */
  repair(): Promise<void>
  stop(): Promise<void>
}

/** A store in which a replica replaces a lost master. */
export interface Replicated extends Store {
  /** Kills the room's master. Resolves once the new master accepts commands. */
  failOver(room: string): Promise<void>
}

export interface Cluster extends Replicated {
  /** Hangs the room's master until another node owns its slots. */
  hang(room: string): Promise<void>
  /** Moves the room's slot to another node while the room is in use. */
  migrate(room: string): Promise<void>
}

/** Redis writes each command to disk before it replies. */
const written = ['--appendonly', 'yes', '--appendfsync', 'always']
/** The default time that a master may be unresponsive. A fault that is shorter does not cause a failover. */
const defaultTimeoutMs = { sentinel: 30_000, cluster: 15_000 }
/** The shorter time for tests that wait for a failover. */
const shortTimeoutMs = 1_000

export const logOf = (room: string) => `colocate:{${room}}:log`
const channelOf = (room: string) => `colocate:{${room}}:events`

export async function startSingle(settings: string[] = []): Promise<Store> {
  const node = await startNode(() => [...written, ...settings])
  return {
    env: { REDIS_URL: node.proxy.url },
    nodes: [node],
    masters: async () => [node],
    masterOf: async () => node,
    listeners: room => listeners([node], 'NUMSUB', room),
    untilAvailable: () => untilResponding([node]),
    repair: () => untilResponding([node]),
    stop: () => node.stop(),
  }
}

export async function startSentinels(settings: string[] = []): Promise<Replicated> {
  const sentinel = await startSentinel(2, [...written, ...settings])
  await sentinel.patience(defaultTimeoutMs.sentinel)
  const { nodes, sentinels, name, stop } = sentinel
  const masters = async () => [await sentinel.master()]
  const store: Replicated = {
    env: { REDIS_SENTINELS: sentinels.join(), REDIS_SENTINEL_NAME: name },
    nodes,
    masters,
    masterOf: sentinel.master,
    listeners: room => listeners(nodes, 'NUMSUB', room),
    untilAvailable: async () =>
      untilResponding(await masters(), async ({ admin }) => (await admin.role())[0] === 'master'),
    async repair() {
      await sentinel.revive()
      await sentinel.settled()
    },
    stop,
    async failOver(room) {
      await sentinel.patience(shortTimeoutMs)
      await kill(store, room)
    },
  }
  return store
}

export async function startClusterOfSix(settings: string[] = []): Promise<Cluster> {
  const cluster = await startCluster(1, [...written, ...settings])
  let timeoutMs = defaultTimeoutMs.cluster
  await cluster.patience(timeoutMs)
  const { nodes, addresses, masters, stop } = cluster
  const isHealthy = async ({ admin }: TestNode) => String(await admin.cluster('INFO')).includes('cluster_state:ok')
  const shortenTimeout = async () => {
    timeoutMs = shortTimeoutMs
    await cluster.patience(timeoutMs)
  }
  const store: Cluster = {
    env: { REDIS_CLUSTER: addresses.join() },
    nodes,
    masters,
    masterOf: room => cluster.masterOf(logOf(room)),
    // Replicas also deliver the messages of sharded Pub/Sub, so their subscriptions count.
    listeners: room => listeners(nodes, 'SHARDNUMSUB', room),
    untilAvailable: async () => untilResponding(await masters(), isHealthy),
    async repair() {
      for (const node of nodes) if (!node.isUp) await node.restart()
      await cluster.patience(timeoutMs)
      await cluster.settled()
    },
    stop,
    async failOver(room) {
      await shortenTimeout()
      await kill(store, room)
    },
    async hang(room) {
      await shortenTimeout()
      const node = await store.masterOf(room)
      node.hang()
      await untilReplaced(store, room, node)
      node.wake()
    },
    migrate: room => cluster.migrate(logOf(room)),
  }
  return store
}

async function kill(store: Store, room: string): Promise<void> {
  const master = await store.masterOf(room)
  await master.kill()
  await untilReplaced(store, room, master)
}

async function untilReplaced(store: Store, room: string, master: TestNode): Promise<void> {
  await waitFor('another node is the master', async () => (await store.masterOf(room)) !== master)
  await store.untilAvailable()
}

export const kinds: Record<Kind, (settings: string[]) => Promise<Store>> = {
  single: startSingle,
  sentinel: startSentinels,
  cluster: startClusterOfSix,
}

export async function listeners(nodes: TestNode[], command: 'NUMSUB' | 'SHARDNUMSUB', room: string): Promise<number> {
  const up = nodes.filter(({ isUp }) => isUp)
  const replies = await Promise.all(up.map(({ admin }) => admin.call('PUBSUB', command, channelOf(room))))
  return (replies as [string, number][]).reduce((sum, [, count]) => sum + Number(count), 0)
}

export function untilResponding(nodes: TestNode[], isHealthy = async (_: TestNode) => true): Promise<void> {
  return waitFor('Redis responds', async () => {
    for (const node of nodes) if ((await node.admin.ping()) !== 'PONG' || !(await isHealthy(node))) return false
    return true
  })
}
