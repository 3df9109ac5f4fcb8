/**
 * Faults of one Redis, and of one whose replica is made its successor by hand.
 */
import { describe } from '@jest/globals'
import { startNode, type TestNode } from '../support/node.ts'
import { TestProxy } from '../support/proxy.ts'
import { waitFor } from '../support/wait-for.ts'
import { everywhere, stalePromotion } from './everywhere.ts'
import { testFaults } from './fault.ts'
import { answer, listeners, type Replicated, startSingle } from './store.ts'

describe('one Redis', () => testFaults('single', startSingle, everywhere))

describe('a Redis with a replica', () => testFaults('single', startPair, [stalePromotion]))

/** The first node is the master; instances reach it by a proxy that leads to whichever it is. */
async function startPair(): Promise<Replicated> {
  const nodes = await Promise.all([0, 1].map(() => startNode(() => ['--repl-diskless-sync-delay', '0'])))
  const front = await TestProxy.start(nodes[0]?.port ?? 0)
  const pair = () => nodes as [TestNode, TestNode]
  const store: Replicated = {
    env: { REDIS_URL: front.url },
    nodes,
    masters: async () => [pair()[0]],
    masterOf: async () => pair()[0],
    listeners: room => listeners(nodes, 'NUMSUB', room),
    answers: () => answer([pair()[0]]),
    async mend() {
      const [master, replica] = pair()
      if (!replica.isUp) await replica.restart()
      await replica.admin.replicaof('127.0.0.1', master.proxy.port)
      await waitFor('the replica is in step', async () =>
        (await replica.admin.info('replication')).includes('master_link_status:up'),
      )
    },
    async failOver() {
      const [master, replica] = pair()
      front.refuse(true)
      await master.kill()
      await replica.admin.replicaof('NO', 'ONE')
      nodes.reverse()
      front.lead(replica.port)
      front.refuse(false)
    },
    async stop() {
      await front.stop()
      await Promise.all(nodes.map(node => node.stop()))
    },
  }
  await store.mend()
  return store
}
