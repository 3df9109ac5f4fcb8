/**
 * Resource leaks: keys and subscriptions in Redis after a room is empty, memory and handles in the process after streams close.
 */
import { EventEmitter } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Redis } from 'ioredis'
import { nanoid } from 'nanoid'
import { RedisBroker } from '../../server/broker/redis/redis-broker.ts'
import { Hub } from '../../server/hub/hub.ts'
import type { Sink } from '../../server/hub/session.ts'
import { locationFormat } from '../../server/location/location-format.ts'
import type { TestNode } from '../support/node.ts'
import { readyStoreAt } from '../support/stores.ts'
import { waitFor } from '../support/wait-for.ts'
import { Deployment } from './deployment.ts'
import { type Store, startSingle } from './store.ts'
import { report, Workload } from './workload.ts'

let store: Store
let deployment: Deployment
let admin: Redis
beforeAll(async () => {
  store = await startSingle()
  ;[{ admin }] = store.nodes as [TestNode]
  deployment = await Deployment.start(store, { LEASE_MS: '1000', LEAVE_GRACE_MS: '100', HISTORY_TTL_MS: '1000' })
}, 60_000)
afterAll(async () => {
  await deployment?.stop()
  await store?.stop()
})

async function keys(pattern: string): Promise<string[]> {
  const found: string[] = []
  for await (const some of admin.scanStream({ match: pattern })) found.push(...some)
  return found
}

const channels = async () => ((await admin.pubsub('CHANNELS')) as string[]).filter(name => !name.includes(':probe:'))

test('every key has a time to live, and Redis keeps no key and no subscription of a room after all collaborators leave', async () => {
  const workload = new Workload(deployment)
  await workload.start()
  await workload.untilAcknowledged(100)
  const mine = await keys(`*${workload.room}*`)
  expect(mine.length).toBeGreaterThan(0)
  for (const key of mine) expect(await admin.pttl(key)).toBeGreaterThan(0)
  expect(await channels()).toHaveLength(1)
  await workload.finish('no leaks', 0)
  await waitFor('no subscription is left', async () => (await channels()).length === 0)
  await waitFor('no key is left', async () => (await keys('*')).length === 0)
}, 60_000)

/** A connection that accepts and discards all data. */
class NullSink extends EventEmitter {
  write(): boolean {
    return true
  }
  cork(): void {}
  uncork(): void {}
  setTimeout(): this {
    return this
  }
  destroySoon(): void {
    this.destroy()
  }
  destroy(): this {
    this.emit('close')
    return this
  }
}

test('joining and leaving a room many times leaks neither memory nor handles', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const times = process.env.FAULT_ROUNDS ? 100_000 : 5_000
  const brokerOptions = { historyLength: 1_000, historyTtlMs: 1_000, leaseMs: 1_000, graceMs: 100 }
  const connections = await readyStoreAt({ kind: 'single', url: store.env.REDIS_URL ?? '' })
  const broker = new RedisBroker(connections, brokerOptions)
  const waits = { heartbeatMs: 15_000, stallMs: 60_000, streamAgeMs: 3_600_000 }
  const onError = (error: unknown) => {
    throw error
  }
  const hub = new Hub(broker, locationFormat, { ...brokerOptions, ...waits, holder: 'one', onError })

  const joinAndLeave = async (count: number) => {
    for (let i = 0; i < count; i += 100) {
      await Promise.all(
        Array.from({ length: 100 }, async () => {
          const sink = new NullSink()
          await hub.join({
            topic: i % 200 ? 'same' : nanoid(),
            open: () => sink as unknown as Sink,
            lastEventId: undefined,
            key: 'alice',
            ack: false,
            onClose() {},
          })
          sink.destroy()
        }),
      )
    }
    await waitFor('the last lease is over', async () => (await keys('test:*')).length === 0)
    collect()
    const { heapUsed } = process.memoryUsage()
    return { heapUsed, resources: process.getActiveResourcesInfo().length }
  }

  await joinAndLeave(2_000)
  const before = await joinAndLeave(2_000)
  const after = await joinAndLeave(times)
  const heapMiB = (after.heapUsed - before.heapUsed) / 2 ** 20
  report('joined and left', {
    times,
    heapMiB: Math.round(heapMiB * 10) / 10,
    resources: after.resources - before.resources,
  })
  expect(heapMiB).toBeLessThan(5)
  expect(after.resources - before.resources).toBeLessThan(20)
  expect(await channels()).toEqual([])
  await hub.close()
  connections.close()
}, 600_000)
