/**
 * Proves that the fault tests can fail: the naive server loses locations in faults that the real server survives.
 */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { startNode, type TestNode } from '../support/node.ts'
import { type NaiveServer, startNaive } from './naive.ts'
import { Workload } from './workload.ts'

let redis: TestNode
let servers: NaiveServer[]

beforeEach(async () => {
  redis = await startNode()
  servers = await Promise.all([startNaive(redis.proxy.url), startNaive(redis.proxy.url)])
})
afterEach(async () => {
  await Promise.all(servers.map(server => server.stop()))
  await redis.stop()
})

const faults: { name: string; inject(workload: Workload): Promise<unknown> }[] = [
  { name: 'Pub/Sub killed', inject: () => redis.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub') },
  {
    name: 'subscription connected but dead',
    inject: async () => redis.proxy.swallow('subscription', 'replies'),
  },
  {
    name: 'history lost while a reader was away',
    async inject(workload) {
      for (const reader of workload.readers) reader.drop()
      await workload.untilAcknowledged(50)
      await redis.admin.flushall()
      workload.reconnect()
    },
  },
]

test.each(faults)(
  'the naive server loses locations without a reset: $name',
  async ({ name, inject }) => {
    const workload = new Workload({
      urls: () => servers.map(({ url }) => url),
      isSubscribed: async () => true,
      writers: 8,
    })
    await workload.start()
    for (let round = 0; round < 3; round++) {
      await workload.untilAcknowledged(100)
      await inject(workload)
      await workload.untilAcknowledged(100)
    }
    const { lost } = await workload.finish(`naive server, ${name}`, 3, false)
    expect(lost).toBeGreaterThan(0)
  },
  60_000,
)
