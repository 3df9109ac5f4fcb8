/**
 * A real Redis master with replicas and three sentinels for a test.
 */
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { startNode, type TestNode } from './node.ts'
import { freePortPair } from './ports.ts'
import { ended, run } from './redis.ts'
import { waitFor } from './wait-for.ts'

export interface TestSentinel {
  /** The sentinels in the format of `REDIS_SENTINELS`. */
  sentinels: string[]
  name: string
  /** The master and the replicas, in the order of their start. */
  nodes: TestNode[]
  /** Returns the current master, from a sentinel. */
  master(): Promise<TestNode>
  /** Sets how long a master may not respond until a replica replaces it. */
  patience(ms: number): Promise<void>
  /** Restarts the ended nodes as replicas. */
  revive(): Promise<void>
  /** Stops the sentinels (SIGSTOP) as if their machines hung, until `wake`. */
  hang(): void
  wake(): void
  /** Resolves once the sentinels can fail over: each sees the others, the master and its replicas. */
  settled(): Promise<void>
  stop(): Promise<void>
}

const name = 'colocate'
const sentinelCount = 3

/** `settings` are for the command line of each node. */
export async function startSentinel(replicaCount = 2, settings: string[] = []): Promise<TestSentinel> {
  const nodes: TestNode[] = []
  const children: ChildProcess[] = []
  const ports: number[] = []
  const dir = await mkdtemp(join(tmpdir(), 'colocate-sentinel-'))
  const clients: Redis[] = []
  const stop = async () => {
    for (const redis of clients) redis.disconnect()
    // A process that was stopped by SIGSTOP takes no other signal.
    for (const signal of ['SIGCONT', 'SIGTERM'] as const) for (const child of children) child.kill(signal)
    await Promise.all(children.map(ended))
    await Promise.all(nodes.map(node => node.stop()))
    await rm(dir, { recursive: true, force: true })
  }
  try {
    const known = (port: number) => [
      ...settings,
      '--replica-announce-port',
      `${port}`,
      '--repl-diskless-sync-delay',
      '0',
    ]
    const master = await startNode(known)
    nodes.push(master)
    const following = (port: number) => [...known(port), '--replicaof', `127.0.0.1 ${master.proxy.port}`]
    nodes.push(...(await Promise.all(Array.from({ length: replicaCount }, () => startNode(following)))))
    for (let i = 0; i < sentinelCount; i++) {
      const port = await freePortPair()
      const file = join(dir, `sentinel-${i}.conf`)
      await writeFile(
        file,
        [
          `port ${port}`,
          'bind 127.0.0.1',
          `dir ${dir}`,
          `sentinel monitor ${name} 127.0.0.1 ${master.proxy.port} 2`,
          `sentinel down-after-milliseconds ${name} 1000`,
          `sentinel failover-timeout ${name} 3000`,
          `sentinel parallel-syncs ${name} 2`,
        ].join('\n'),
      )
      children.push(await run([file, '--sentinel'], 'Sentinel ID is'))
      ports.push(port)
      clients.push(new Redis(port, '127.0.0.1').on('error', () => {}))
    }
  } catch (error) {
    await stop()
    throw error
  }

  const command = async (i: number, ...args: [string, ...string[]]) =>
    (await clients[i]?.call('SENTINEL', ...args)) as unknown
  const sentinel: TestSentinel = {
    sentinels: ports.map(port => `127.0.0.1:${port}`),
    name,
    nodes,
    async master() {
      const [, port] = (await command(0, 'GET-MASTER-ADDR-BY-NAME', name)) as [string, string]
      const node = nodes.find(node => node.proxy.port === Number(port))
      if (!node) throw new Error(`No node on port ${port}`)
      return node
    },
    async patience(ms) {
      for (let i = 0; i < sentinelCount; i++) await command(i, 'SET', name, 'down-after-milliseconds', `${ms}`)
    },
    async revive() {
      const master = await sentinel.master()
      for (const node of nodes) {
        if (!node.isUp) await node.restart(['--replicaof', `127.0.0.1 ${master.proxy.port}`])
      }
    },
    hang() {
      for (const child of children) child.kill('SIGSTOP')
    },
    wake() {
      for (const child of children) child.kill('SIGCONT')
    },
    settled: () =>
      waitFor('the sentinels see each other, one master and its replicas', async () => {
        for (let i = 0; i < sentinelCount; i++) {
          const flat = (await command(i, 'MASTER', name)) as string[]
          const field = (wanted: string) => flat[flat.indexOf(wanted) + 1]
          if (field('flags') !== 'master' || field('num-other-sentinels') !== `${sentinelCount - 1}`) return false
          const replicas = (await command(i, 'REPLICAS', name)) as string[][]
          const isThere = (replica: string[]) => replica[replica.indexOf('flags') + 1] === 'slave'
          if (replicas.filter(isThere).length < replicaCount) return false
        }
        // Sentinels ask a replica for its state only every ten seconds, so ask each replica directly.
        const master = await sentinel.master()
        for (const node of nodes) {
          if (node === master) continue
          const info = await node.admin.info('replication')
          if (!info.includes(`master_port:${master.proxy.port}`) || !info.includes('master_link_status:up'))
            return false
        }
        return true
      }),
    stop,
  }
  try {
    await sentinel.settled()
  } catch (error) {
    await stop()
    throw error
  }
  return sentinel
}
