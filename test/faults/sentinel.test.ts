/**
 * The master is killed, and the sentinels make a replica its successor.
 */
import { afterAll, beforeAll, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { untilReady } from '../support/rooms.ts'
import { startSentinel, type TestSentinel } from '../support/sentinel.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { Crowd, roundsOf, stepLocations } from './crowd.ts'
import { calm } from './scene.ts'

let sentinel: TestSentinel
let servers: TestServer[]

beforeAll(async () => {
  sentinel = await startSentinel(2)
  const env = { ...calm, REDIS_SENTINELS: sentinel.sentinels.join(), REDIS_SENTINEL_NAME: sentinel.name }
  servers = await Promise.all([0, 1].map(() => startServer(env)))
  await Promise.all(servers.map(server => untilReady(server, true)))
}, 60_000)

afterAll(async () => {
  await Promise.all((servers ?? []).map(server => server.stop()))
  await sentinel?.stop()
})

test('Sentinel failover', async () => {
  const rounds = roundsOf(1)
  const crowd = new Crowd({
    urls: () => servers.map(({ url }) => url),
    async isHeard(room) {
      const { port } = await sentinel.master()
      const admin = new Redis(port, '127.0.0.1', { retryStrategy: () => null }).on('error', () => {})
      try {
        const [, count] = (await admin.pubsub('NUMSUB', `colocate:{${room}}:events`)) as [string, number]
        return Number(count) === servers.length
      } finally {
        admin.disconnect()
      }
    },
  })
  await crowd.gather()
  for (let round = 1; round <= rounds; round++) {
    await crowd.go(stepLocations)
    const master = await sentinel.master()
    await master.kill()
    await crowd.catchUp()
    await master.restart()
    if (round < rounds) await sentinel.settled()
  }
  await crowd.judge('Sentinel failover', rounds)
}, 1_800_000)
