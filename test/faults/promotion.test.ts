/**
 * A replica that lagged becomes the master: what it had not heard of was answered and is gone.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Redis } from 'ioredis'
import { until } from '../support/patience.ts'
import { TestProxy } from '../support/proxy.ts'
import { Reader } from '../support/reader.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { Crowd, roundsOf, stepLocations } from './crowd.ts'
import { administer, calm } from './scene.ts'

interface Node {
  redis: TestRedis
  admin: Redis
}

let nodes: Node[]
/** Between the instances and their Redis, and between the master and its replica. */
let front: TestProxy
let replication: TestProxy
let servers: TestServer[]

beforeAll(async () => {
  nodes = await Promise.all(
    [0, 1].map(async () => {
      const redis = await startRedis(['--repl-diskless-sync-delay', '0'])
      return { redis, admin: administer(redis) }
    }),
  )
  front = await TestProxy.start(nodes[0]?.redis.port ?? 0)
  replication = await TestProxy.start(nodes[0]?.redis.port ?? 0)
  servers = await Promise.all([0, 1].map(() => startServer({ ...calm, REDIS_URL: front.url })))
}, 60_000)

afterAll(async () => {
  await Promise.all((servers ?? []).map(server => server.stop()))
  for (const { admin } of nodes ?? []) admin.disconnect()
  await Promise.all([front?.stop(), replication?.stop()])
  await Promise.all((nodes ?? []).map(({ redis }) => redis.stop()))
})

test('stale replica promoted', async () => {
  const rounds = roundsOf(2)
  const crowd = new Crowd({
    urls: () => servers.map(({ url }) => url),
    async isHeard(room) {
      const [, count] = (await (nodes[0] as Node).admin.pubsub('NUMSUB', `colocate:{${room}}:events`)) as [
        string,
        number,
      ]
      return Number(count) === servers.length
    },
  })
  await crowd.gather()
  for (let round = 1; round <= rounds; round++) {
    const [master, replica] = nodes as [Node, Node]
    replication.lead(master.redis.port)
    await replica.admin.replicaof('127.0.0.1', replication.port)
    await until('the replica is in step', async () =>
      (await replica.admin.info('replication')).includes('master_link_status:up'),
    )
    // Someone reads what the replica has, and is away when it becomes the master.
    const away = new Reader()
    away.open(servers[round % 2]?.url ?? '', crowd.room)
    const common = await crowd.post('common')
    await away.until(() => away.lastEventId !== '' && away.segments.length > 0)
    await until('the replica has it', async () => {
      const found = await replica.admin.xrange(`colocate:{${crowd.room}}:log`, common, common)
      return found.length === 1
    })
    const seen = common
    away.drop()
    replication.swallow('commands', 'replies')
    await crowd.go(stepLocations)
    const before = crowd.readers.map(({ resets }) => resets)
    front.refuse(true)
    await master.redis.kill()
    await replica.admin.replicaof('NO', 'ONE')
    front.lead(replica.redis.port)
    front.refuse(false)
    const start = performance.now()
    nodes.reverse()
    await crowd.catchUp()
    await until('every reader was told', () => crowd.readers.every(({ resets }, i) => resets > (before[i] ?? 0)))
    expect(performance.now() - start).toBeLessThan(5_000)
    away.lastEventId = seen
    away.open(servers[round % 2]?.url ?? '', crowd.room)
    await away.until(() => away.segments.length === 2)
    expect(away.resets).toBe(1)
    away.drop()
    replication.cut()
    await master.redis.restart()
    await until('the old master is back', async () => (await master.admin.ping()) === 'PONG')
  }
  await crowd.judge('stale replica promoted', rounds)
}, 1_800_000)
