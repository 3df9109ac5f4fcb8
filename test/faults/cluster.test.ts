/**
 * Faults of a cluster: a room's node is killed, its slot moves to another, its subscriptions are cut.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startCluster, type TestCluster } from '../support/cluster.ts'
import { until } from '../support/patience.ts'
import { untilReady } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { Crowd, roundsOf, stepLocations } from './crowd.ts'
import { calm } from './scene.ts'

let cluster: TestCluster
let servers: TestServer[]

beforeAll(async () => {
  cluster = await startCluster(1)
  const env = { ...calm, REDIS_CLUSTER: cluster.addresses.join() }
  servers = await Promise.all([0, 1].map(() => startServer(env)))
  await Promise.all(servers.map(server => untilReady(server, true)))
}, 90_000)

afterAll(async () => {
  await Promise.all((servers ?? []).map(server => server.stop()))
  await cluster?.stop()
})

const keyOf = (room: string) => `colocate:{${room}}:log`

function newCrowd(): Crowd {
  return new Crowd({
    urls: () => servers.map(({ url }) => url),
    // A replica announces what its master took, too.
    async isHeard(room) {
      const channel = `colocate:{${room}}:events`
      const living = cluster.nodes.filter(({ child }) => child.exitCode === null && child.signalCode === null)
      const replies = living.map(node => cluster.ask(node).call('PUBSUB', 'SHARDNUMSUB', channel))
      const counts = (await Promise.all(replies)) as [string, number][]
      return counts.reduce((sum, [, count]) => sum + Number(count), 0) === servers.length
    },
  })
}

const faults: { name: string; rounds: number; isReset: boolean; inject(crowd: Crowd): Promise<unknown> }[] = [
  {
    name: 'Pub/Sub killed (cluster)',
    rounds: roundsOf(2),
    isReset: false,
    inject: async ({ room }) =>
      cluster.ask(await cluster.masterOf(keyOf(room))).call('CLIENT', 'KILL', 'TYPE', 'pubsub'),
  },
  {
    name: 'slot migrated',
    rounds: roundsOf(2),
    isReset: false,
    inject: ({ room }) => cluster.migrate(keyOf(room)),
  },
  {
    name: 'cluster node killed',
    rounds: roundsOf(1),
    isReset: true,
    async inject({ room }) {
      const node = await cluster.masterOf(keyOf(room))
      await node.kill()
      killed.push(node)
    },
  },
  {
    name: 'cluster node stopped until another has its slots',
    rounds: roundsOf(1),
    isReset: true,
    async inject({ room }) {
      const node = await cluster.masterOf(keyOf(room))
      node.child.kill('SIGSTOP')
      await until('another has its slots', async () => {
        const others = cluster.nodes.filter(other => other !== node)
        return (await cluster.masterOf(keyOf(room), others)) !== node
      })
      node.child.kill('SIGCONT')
      await cluster.settled()
    },
  },
]
const killed: Awaited<ReturnType<TestCluster['masterOf']>>[] = []

test.each(faults)(
  '$name',
  async ({ name, rounds, isReset, inject }) => {
    const crowd = newCrowd()
    await crowd.gather()
    for (let round = 1; round <= rounds; round++) {
      await crowd.go(stepLocations)
      const before = crowd.readers.map(({ resets }) => resets)
      await inject(crowd)
      await crowd.catchUp()
      const isTold = () => crowd.readers.every(({ resets }, i) => resets > (before[i] ?? 0))
      if (isReset) await until('every reader was told', isTold)
      const after = crowd.readers.map(({ resets }) => resets)
      expect(after.map((resets, i) => resets > (before[i] ?? 0))).toEqual(after.map(() => isReset))
      for (const node of killed.splice(0)) await node.restart()
      await cluster.settled()
    }
    await crowd.judge(name, rounds)
  },
  1_800_000,
)
