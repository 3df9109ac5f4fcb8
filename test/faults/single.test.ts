/**
 * Faults of a single Redis, and of a Redis whose replica is promoted manually.
 */
import { describe } from '@jest/globals'
import { startNode, type TestNode } from '../support/node.ts'
import { TestProxy } from '../support/proxy.ts'
import { waitFor } from '../support/wait-for.ts'
import { commonFaults, stalePromotion } from './common-faults.ts'
import { testFaults } from './fault.ts'
import { listeners, type Replicated, startSingle, untilResponding } from './store.ts'

describe('with a single Redis,', () => testFaults('single', startSingle, commonFaults))

describe('with a Redis and a replica,', () => testFaults('single', startPair, [stalePromotion]))

/** Starts a master and a replica. The first node is the master; the instances connect to it through a proxy. */
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
    untilAvailable: () => untilResponding([pair()[0]]),
    async repair() {
      const [master, replica] = pair()
      if (!replica.isUp) await replica.restart()
      await replica.admin.replicaof('127.0.0.1', master.proxy.port)
      await waitFor('the replica is connected', async () =>
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
  await store.repair()
  return store
}
