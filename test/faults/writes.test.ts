/**
 * Writes while Redis cannot accept them: the server refuses them on time and appends none of them later or twice.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startRedis } from '../support/redis.ts'
import { send } from '../support/requests.ts'
import { Room, untilReady } from '../support/rooms.ts'
import { waitFor } from '../support/wait-for.ts'
import { Deployment } from './deployment.ts'
import { type Kind, kinds, logOf, type Store } from './store.ts'
import { report, rounds } from './workload.ts'

/** The documented limit of two seconds, plus a margin for a busy machine. */
const withinMs = 3_000
const posts = 20

/** Puts Redis, or the node that stores the room, into a state. Resolves with a function that ends the state. */
type Enter = (store: Store, room: string) => Promise<() => unknown>

const states: Record<string, Enter> = {
  async away(store) {
    const masters = await store.masters()
    await Promise.all(masters.map(master => master.kill()))
    return () => Promise.all(masters.map(master => master.restart()))
  },
  async hung(store) {
    const masters = await store.masters()
    for (const master of masters) master.hang()
    return () => masters.map(master => master.wake())
  },
  async full(store, room) {
    const { admin } = await store.masterOf(room)
    await admin.config('SET', 'maxmemory', '1')
    return () => admin.config('SET', 'maxmemory', '0')
  },
  async 'a read-only replica'(store, room) {
    const { port, proxy } = await store.masterOf(room)
    const replica = await startRedis(['--replicaof', `127.0.0.1 ${port}`])
    proxy.lead(replica.port)
    proxy.cut()
    return async () => {
      proxy.lead(port)
      await replica.stop()
    }
  },
  async loading(store, room) {
    const master = await store.masterOf(room)
    const { admin } = master
    await Promise.all(Array.from({ length: 120 }, (_, i) => admin.set(`{${room}}:${i}`, 'x'.repeat(1_000))))
    await admin.bgrewriteaof()
    await waitFor('the AOF is written', async () =>
      (await admin.info('persistence')).includes('aof_rewrite_in_progress:0'),
    )
    await master.kill()
    // The delay is in microseconds for each key.
    const loaded = master.restart(['--key-load-delay', '20000'])
    await waitFor('Redis is loading', async () => (await admin.info('persistence')).includes('loading:1'))
    return async () => {
      await loaded
      await admin.config('SET', 'key-load-delay', '0')
    }
  },
}

describe.each(Object.keys(kinds) as Kind[])('writes to Redis (%s)', kind => {
  let store: Store
  let deployment: Deployment
  beforeAll(async () => {
    // Redis processes events more often while it loads, so that it can respond.
    store = await kinds[kind](['--loading-process-events-interval-bytes', '1024'])
    deployment = await Deployment.start(store)
  }, 90_000)
  afterAll(async () => {
    await deployment?.stop()
    await store?.stop()
  })

  test.each(Object.entries(states))(
    'that is %s are refused on time, and none is appended later or twice',
    async (name, enter) => {
      const [server] = deployment.servers
      if (!server) throw new Error('No server')
      const room = new Room(server)
      let slowestMs = 0
      let refused = 0
      for (let round = 0; round < rounds; round++) {
        await room.put('before', round, 0, { seq: 2 * round + 1 })
        const leave = await enter(store, room.name)
        const statuses = await Promise.all(
          Array.from({ length: posts }, async (_, i) => {
            const start = performance.now()
            const path = `/rooms/${room.name}/location`
            const answer = await send(server.port, 'POST', path, {
              json: { user: `refused-${round}-${i}`, x: 0, y: 0 },
            })
            slowestMs = Math.max(slowestMs, performance.now() - start)
            expect(answer.headers['retry-after']).toMatch(/^\d+$/)
            return answer.status
          }),
        )
        expect(statuses).toEqual(statuses.map(() => 503))
        refused += statuses.length
        await leave()
        await store.repair()
        await untilReady(server, true)
        await waitFor('the server accepts a location', async () => {
          const answer = await room.post({ user: 'after', x: round, y: 0, seq: round + 1 })
          return answer.status === 200
        })
      }
      const log = await (await store.masterOf(room.name)).admin.xrange(logOf(room.name), '-', '+')
      const users = log.map(([, [, line = '']]) => line.split('\t')[0])
      const appendedLater = users.filter(user => user?.startsWith('refused')).length
      report(`writes to a Redis that is ${name} (${kind})`, {
        rounds,
        refused,
        slowestMs: Math.round(slowestMs),
        appendedLater,
      })
      expect(appendedLater).toBe(0)
      expect(users.filter(user => user === 'after')).toHaveLength(rounds)
      expect(slowestMs).toBeLessThan(withinMs)
    },
    600_000,
  )
})
