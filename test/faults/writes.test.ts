/**
 * Writing while Redis does not take it: refused in time, nothing appended later, nothing twice.
 */
import { afterEach, expect, test } from '@jest/globals'
import { until } from '../support/patience.ts'
import { startRedis } from '../support/redis.ts'
import { send } from '../support/requests.ts'
import { Room, untilReady } from '../support/rooms.ts'
import { roundsOf, say } from './crowd.ts'
import { answers, type Scene, startScene } from './scene.ts'

/** The two seconds of the promise, and what a busy machine takes to say so. */
const withinMs = 3_000
const posts = 20

let scene: Scene
afterEach(() => scene?.stop())

interface State {
  name: string
  settings?: string[]
  /** Brings Redis into the state; the function it gives ends that. */
  enter(): Promise<() => Promise<unknown>>
}

const states: State[] = [
  {
    name: 'away',
    async enter() {
      await scene.redis.kill()
      return () => scene.redis.restart()
    },
  },
  {
    name: 'hung',
    async enter() {
      scene.redis.child.kill('SIGSTOP')
      return async () => scene.redis.child.kill('SIGCONT')
    },
  },
  {
    name: 'full',
    async enter() {
      await scene.admin.config('SET', 'maxmemory', '1')
      return () => scene.admin.config('SET', 'maxmemory', '0')
    },
  },
  {
    name: 'a read-only replica',
    async enter() {
      const replica = await startRedis(['--replicaof', `127.0.0.1 ${scene.redis.port}`])
      scene.proxy.lead(replica.port)
      scene.proxy.cut()
      return async () => {
        scene.proxy.lead(scene.redis.port)
        await replica.stop()
      }
    },
  },
  {
    name: 'loading',
    settings: ['--loading-process-events-interval-bytes', '1024'],
    async enter() {
      const filling = Array.from({ length: 400 }, (_, i) => scene.admin.set(`filling:${i}`, 'x'.repeat(1_000)))
      await Promise.all(filling)
      await scene.admin.save()
      await scene.redis.kill()
      // Microseconds for each key.
      const loaded = scene.redis.restart(['--key-load-delay', '20000'])
      await until('Redis is loading', async () => (await scene.admin.info('persistence')).includes('loading:1'))
      return () => loaded
    },
  },
]

test.each(states)(
  'to a Redis that is $name is refused in time, and nothing is appended later or twice',
  async ({ name, settings = [], enter }) => {
    scene = await startScene(settings)
    const [server] = scene.servers
    if (!server) throw new Error('No server')
    const room = new Room(server)
    const admin = scene.admin
    let slowestMs = 0
    let refused = 0
    const rounds = Math.min(roundsOf(1), 5)
    for (let round = 0; round < rounds; round++) {
      await room.put('before', round, 0, { seq: 2 * round + 1 })
      const leave = await enter()
      const statuses = await Promise.all(
        Array.from({ length: posts }, async (_, i) => {
          const start = performance.now()
          const path = `/rooms/${room.name}/location`
          const answer = await send(server.port, 'POST', path, { json: { user: `refused-${round}-${i}`, x: 0, y: 0 } })
          slowestMs = Math.max(slowestMs, performance.now() - start)
          expect(answer.headers['retry-after']).toMatch(/^\d+$/)
          return answer.status
        }),
      )
      expect(statuses).toEqual(statuses.map(() => 503))
      refused += statuses.length
      await leave()
      await answers(admin)
      await untilReady(server, true)
      await until('a location is taken', async () => {
        const answer = await room.post({ user: 'after', x: round, y: 0, seq: round + 1 })
        return answer.status === 200
      })
    }
    const log = await admin.xrange(`colocate:{${room.name}}:log`, '-', '+')
    const users = log.map(([, [, line = '']]) => line.split('\t')[0])
    const appendedLater = users.filter(user => user?.startsWith('refused')).length
    say(`writes to a Redis that is ${name}`, { rounds, refused, slowestMs: Math.round(slowestMs), appendedLater })
    expect(appendedLater).toBe(0)
    if (name !== 'away') expect(users.filter(user => user === 'after')).toHaveLength(rounds)
    expect(slowestMs).toBeLessThan(withinMs)
  },
  300_000,
)
