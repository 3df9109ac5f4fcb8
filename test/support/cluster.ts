/**
 * A real Redis Cluster for a test: three masters, each with a replica if the cluster must survive the end of a node.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { startNode, type TestNode } from './node.ts'
import { waitFor } from './wait-for.ts'

export interface TestCluster {
  /** The nodes in the format of `REDIS_CLUSTER`. */
  addresses: string[]
  nodes: TestNode[]
  /** The masters that have slots. */
  masters(): Promise<TestNode[]>
  /** The node that has the slot of a key. */
  masterOf(key: string): Promise<TestNode>
  /** Sets how long a node may not respond until a replica replaces it. */
  patience(ms: number): Promise<void>
  /** Moves the slot of a key with all its keys to another master, while the slot is in use. */
  migrate(key: string): Promise<void>
  /** Resolves once every node sees the complete cluster, with the replicas of each master. */
  settled(): Promise<void>
  stop(): Promise<void>
}

const masterCount = 3
const exec = promisify(execFile)

/** `more` are further settings for the command line of each node. */
export async function startCluster(replicasEach: 0 | 1 = 0, more: string[] = []): Promise<TestCluster> {
  const timeout = ['--cluster-node-timeout', '1000']
  const settings = [...more, '--cluster-enabled', 'yes', ...timeout, '--repl-diskless-sync-delay', '0']
  const count = masterCount * (1 + replicasEach)
  const nodes: TestNode[] = []
  const stop = async () => {
    await Promise.all(nodes.map(node => node.stop()))
  }
  const living = () => nodes.filter(({ isUp }) => isUp)

  /** Parses the lines of CLUSTER NODES: id, address, flags, master and, from the eighth field on, link state and slots. */
  const table = async ({ admin }: TestNode) =>
    String(await admin.cluster('NODES'))
      .trim()
      .split('\n')
      .map(line => {
        const [id = '', address = '', flags = '', master = '', , , , ...slots] = line.split(' ')
        return { id, port: Number(/:(\d+)@/.exec(address)?.[1]), flags: flags.split(','), master, slots }
      })

  const has = (slots: string[], slot: number) =>
    slots.some(range => {
      if (range.startsWith('[')) return false
      const [from = 0, to = from] = range.split('-').map(Number)
      return from <= slot && slot <= to
    })

  /** The masters as the first running node sees them. */
  const mastersNow = async () =>
    (await table(living()[0] as TestNode)).filter(
      ({ flags, slots }) => flags.includes('master') && !flags.includes('fail') && slots.length > 0,
    )
  const slotOf = async (key: string) => Number(await (living()[0] as TestNode).admin.cluster('KEYSLOT', key))
  const nodeOf = (line: { port: number } | undefined) => {
    const node = nodes.find(({ proxy }) => proxy.port === line?.port)
    if (!node) throw new Error(`No node has the port ${line?.port}`)
    return node
  }

  const cluster: TestCluster = {
    addresses: [],
    nodes,
    masters: async () => (await mastersNow()).map(nodeOf),
    async masterOf(key) {
      const slot = await slotOf(key)
      return nodeOf((await mastersNow()).find(({ slots }) => has(slots, slot)))
    },
    async patience(ms) {
      for (const { admin } of living()) await admin.config('SET', 'cluster-node-timeout', ms)
    },
    async migrate(key) {
      const slot = await slotOf(key)
      const masters = await mastersNow()
      const from = masters.find(({ slots }) => has(slots, slot))
      const to = masters.find(master => master !== from)
      const [source, target] = [nodeOf(from).admin, nodeOf(to).admin]
      await target.cluster('SETSLOT', slot, 'IMPORTING', from?.id ?? '')
      await source.cluster('SETSLOT', slot, 'MIGRATING', to?.id ?? '')
      for (;;) {
        const keys = (await source.cluster('GETKEYSINSLOT', slot, 1)) as string[]
        if (keys.length === 0) break
        // The keys move one at a time, so that the keys of a room are on both nodes for a while.
        await source.call('MIGRATE', '127.0.0.1', `${nodeOf(to).port}`, '', '0', '5000', 'KEYS', ...keys)
      }
      for (const redis of [target, source]) await redis.cluster('SETSLOT', slot, 'NODE', to?.id ?? '')
    },
    settled: () =>
      waitFor('every node sees the complete cluster', async () => {
        for (const node of living()) {
          if (!String(await node.admin.cluster('INFO')).includes('cluster_state:ok')) return false
          const all = (await table(node)).filter(({ flags }) => !flags.some(flag => /fail|handshake|noaddr/.test(flag)))
          const masters = all.filter(({ flags, slots }) => flags.includes('master') && slots.length > 0)
          if (masters.length !== masterCount || all.length !== count) return false
          if (masters.some(({ id }) => all.filter(({ master }) => master === id).length < replicasEach)) return false
        }
        for (const node of living()) {
          const info = await node.admin.info('replication')
          if (info.includes('role:slave') && !info.includes('master_link_status:up')) return false
        }
        return true
      }),
    stop,
  }
  try {
    const known = (port: number) => [...settings, '--cluster-announce-port', `${port}`]
    nodes.push(...(await Promise.all(Array.from({ length: count }, () => startNode(known)))))
    cluster.addresses = nodes.slice(0, masterCount).map(({ proxy }) => `127.0.0.1:${proxy.port}`)
    const all = nodes.map(({ port }) => `127.0.0.1:${port}`)
    await exec('redis-cli', ['--cluster', 'create', ...all, '--cluster-replicas', `${replicasEach}`, '--cluster-yes'])
    await cluster.settled()
  } catch (error) {
    await stop()
    throw error
  }
  return cluster
}
