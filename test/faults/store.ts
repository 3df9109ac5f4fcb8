/**
 * The three kinds of Redis that the server may have, each in the same words.
 */
import { startCluster } from '../support/cluster.ts'
import { startNode, type TestNode } from '../support/node.ts'
import { startSentinel } from '../support/sentinel.ts'
import { waitFor } from '../support/wait-for.ts'

export type Kind = 'single' | 'sentinel' | 'cluster'

export interface Store {
  /** Says to the server where it is. */
  env: Record<string, string>
  nodes: TestNode[]
  /** The nodes that commands go to. */
  masters(): Promise<TestNode[]>
  /** The node that has the room. */
  masterOf(room: string): Promise<TestNode>
  /** How many subscriptions there are to the room. */
  listeners(room: string): Promise<number>
  /** Resolves once every master takes commands. */
  answers(): Promise<void>
  /** Brings back the nodes that a fault has cost. Resolves once all are in step. */
  mend(): Promise<void>
  stop(): Promise<void>
}

/** One in which another node takes the place of a master that is lost. */
export interface Replicated extends Store {
  /** Kills the room's master. Resolves once its successor takes commands. */
  failOver(room: string): Promise<void>
}

export interface Cluster extends Replicated {
  /** Hangs the room's master until another has its slots. */
  hang(room: string): Promise<void>
  /** Moves the room's slot to another node, while it is in use. */
  migrate(room: string): Promise<void>
}

/** What was answered is on the disk. */
const written = ['--appendonly', 'yes', '--appendfsync', 'always']
/** How long a master may be silent, when nobody says otherwise: a fault that is over by then moves nobody. */
const defaultPatienceMs = { sentinel: 30_000, cluster: 15_000 }
/** In a test nobody wants to wait for so long. */
const shortPatienceMs = 1_000

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
    answers: () => answer([node]),
    mend: () => answer([node]),
    stop: () => node.stop(),
  }
}

export async function startSentinels(settings: string[] = []): Promise<Replicated> {
  const sentinel = await startSentinel(2, [...written, ...settings])
  await sentinel.patience(defaultPatienceMs.sentinel)
  const { nodes, sentinels, name, stop } = sentinel
  const masters = async () => [await sentinel.master()]
  const store: Replicated = {
    env: { REDIS_SENTINELS: sentinels.join(), REDIS_SENTINEL_NAME: name },
    nodes,
    masters,
    masterOf: sentinel.master,
    listeners: room => listeners(nodes, 'NUMSUB', room),
    answers: async () => answer(await masters(), async ({ admin }) => (await admin.role())[0] === 'master'),
    async mend() {
      await sentinel.revive()
      await sentinel.settled()
    },
    stop,
    async failOver(room) {
      await sentinel.patience(shortPatienceMs)
      await kill(store, room)
    },
  }
  return store
}

export async function startClusterOfSix(settings: string[] = []): Promise<Cluster> {
  const cluster = await startCluster(1, [...written, ...settings])
  let timeoutMs = defaultPatienceMs.cluster
  await cluster.patience(timeoutMs)
  const { nodes, addresses, masters, stop } = cluster
  const isWhole = async ({ admin }: TestNode) => String(await admin.cluster('INFO')).includes('cluster_state:ok')
  const impatient = async () => {
    timeoutMs = shortPatienceMs
    await cluster.patience(timeoutMs)
  }
  const store: Cluster = {
    env: { REDIS_CLUSTER: addresses.join() },
    nodes,
    masters,
    masterOf: room => cluster.masterOf(logOf(room)),
    // A replica announces what its master took, too.
    listeners: room => listeners(nodes, 'SHARDNUMSUB', room),
    answers: async () => answer(await masters(), isWhole),
    async mend() {
      for (const node of nodes) if (!node.isUp) await node.restart()
      await cluster.patience(timeoutMs)
      await cluster.settled()
    },
    stop,
    async failOver(room) {
      await impatient()
      await kill(store, room)
    },
    async hang(room) {
      await impatient()
      const node = await store.masterOf(room)
      node.hang()
      await succeeded(store, room, node)
      node.wake()
    },
    migrate: room => cluster.migrate(logOf(room)),
  }
  return store
}

async function kill(store: Store, room: string): Promise<void> {
  const master = await store.masterOf(room)
  await master.kill()
  await succeeded(store, room, master)
}

async function succeeded(store: Store, room: string, master: TestNode): Promise<void> {
  await waitFor('another is the master', async () => (await store.masterOf(room)) !== master)
  await store.answers()
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

export function answer(nodes: TestNode[], isWhole = async (_: TestNode) => true): Promise<void> {
  return waitFor('Redis answers', async () => {
    for (const node of nodes) if ((await node.admin.ping()) !== 'PONG' || !(await isWhole(node))) return false
    return true
  })
}
