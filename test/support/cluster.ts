/**
 * A real Redis Cluster of a test's own: three masters, with a replica each where it is to survive a node's end.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { until } from './patience.ts'
import { startRedis, type TestRedis } from './redis.ts'

export interface TestCluster {
  /** As `REDIS_CLUSTER` wants it. */
  addresses: string[]
  nodes: TestRedis[]
  /** A connection to one node, for asking it what it knows itself. */
  ask(node: TestRedis): Redis
  /** The node that has the slot of a key, as the first of these sees it. */
  masterOf(key: string, witnesses?: TestRedis[]): Promise<TestRedis>
  /** Moves the slot of a key to another master, with all keys in it, while it is in use. */
  migrate(key: string): Promise<void>
  /** Resolves once every node sees the cluster whole, with a replica for each master that is to have one. */
  settled(): Promise<void>
  stop(): Promise<void>
}

const masterCount = 3
const exec = promisify(execFile)

export async function startCluster(replicasEach: 0 | 1 = 0): Promise<TestCluster> {
  const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', '--repl-diskless-sync-delay', '0']
  const count = masterCount * (1 + replicasEach)
  const nodes: TestRedis[] = []
  const connections = new Map<TestRedis, Redis>()
  const stop = async () => {
    for (const redis of connections.values()) redis.disconnect()
    await Promise.all(nodes.map(node => node.stop()))
  }
  const ask = (node: TestRedis) => {
    const redis = connections.get(node) ?? new Redis(node.port, '127.0.0.1').on('error', () => {})
    connections.set(node, redis)
    return redis
  }
  const living = () => nodes.filter(({ child }) => child.exitCode === null && child.signalCode === null)

  /** Lines of CLUSTER NODES: id, address, flags, master, and on from the eighth the slots. */
  const table = async (node: TestRedis) =>
    String(await ask(node).cluster('NODES'))
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

  const slotOf = async (key: string) => Number(await ask(living()[0] as TestRedis).cluster('KEYSLOT', key))

  const cluster: TestCluster = {
    addresses: [],
    nodes,
    ask,
    async masterOf(key, [witness = living()[0] as TestRedis] = []) {
      const slot = Number(await ask(witness).cluster('KEYSLOT', key))
      const owner = (await table(witness)).find(
        ({ flags, slots }) => flags.includes('master') && !flags.includes('fail') && has(slots, slot),
      )
      const node = nodes.find(({ port }) => port === owner?.port)
      if (!node) throw new Error(`Nobody has slot ${slot}`)
      return node
    },
    async migrate(key) {
      const slot = await slotOf(key)
      const all = await table(living()[0] as TestRedis)
      const masters = all.filter(({ flags, slots }) => flags.includes('master') && slots.length > 0)
      const from = masters.find(({ slots }) => has(slots, slot))
      const to = masters.find(master => master !== from)
      const nodeOf = (port: number | undefined) => nodes.find(node => node.port === port) as TestRedis
      const [source, target] = [ask(nodeOf(from?.port)), ask(nodeOf(to?.port))]
      await target.cluster('SETSLOT', slot, 'IMPORTING', from?.id ?? '')
      await source.cluster('SETSLOT', slot, 'MIGRATING', to?.id ?? '')
      for (;;) {
        const keys = (await source.cluster('GETKEYSINSLOT', slot, 1)) as string[]
        if (keys.length === 0) break
        // One at a time, so that for a while some keys of a room are here and some are there.
        await source.call('MIGRATE', '127.0.0.1', `${to?.port}`, '', '0', '5000', 'KEYS', ...keys)
      }
      for (const redis of [target, source]) await redis.cluster('SETSLOT', slot, 'NODE', to?.id ?? '')
    },
    settled: () =>
      until('every node sees the cluster whole', async () => {
        for (const node of living()) {
          if (!String(await ask(node).cluster('INFO')).includes('cluster_state:ok')) return false
          const all = (await table(node)).filter(({ flags }) => !flags.some(flag => /fail|handshake|noaddr/.test(flag)))
          const masters = all.filter(({ flags, slots }) => flags.includes('master') && slots.length > 0)
          if (masters.length !== masterCount || all.length !== count) return false
          if (masters.some(({ id }) => all.filter(({ master }) => master === id).length < replicasEach)) return false
        }
        for (const node of living()) {
          const said = await ask(node).info('replication')
          if (said.includes('role:slave') && !said.includes('master_link_status:up')) return false
        }
        return true
      }),
    stop,
  }
  try {
    nodes.push(...(await Promise.all(Array.from({ length: count }, () => startRedis(settings)))))
    cluster.addresses = nodes.slice(0, masterCount).map(({ port }) => `127.0.0.1:${port}`)
    const all = nodes.map(({ port }) => `127.0.0.1:${port}`)
    await exec('redis-cli', ['--cluster', 'create', ...all, '--cluster-replicas', `${replicasEach}`, '--cluster-yes'])
    await cluster.settled()
  } catch (error) {
    await stop()
    throw error
  }
  return cluster
}
