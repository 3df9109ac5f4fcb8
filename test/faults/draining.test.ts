/** Graceful shutdown on SIGTERM while the store is unavailable. */
import { once } from 'node:events'
import { afterEach, expect, test } from '@jest/globals'
import { startRedis } from '../support/redis.ts'
import { post, relaying } from '../support/relays.ts'
import { Room, untilReady } from '../support/rooms.ts'
import { startServer } from '../support/server.ts'
import { begin, Upstream } from '../support/upstream.ts'

const drainMs = 500

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

test.each(['kill', 'hang'] as const)(
  'an instance with an open run and an open stream exits on time while Redis is unavailable (%s)',
  async fault => {
    const redis = await startRedis()
    cleanups.push(() => redis.stop())
    const upstream = await new Upstream().listen()
    cleanups.push(() => upstream.close())
    const env = { REDIS_URL: redis.url, DRAIN_MS: `${drainMs}` }
    const server = await startServer(relaying(upstream, env))
    cleanups.push(() => server.stop())
    await untilReady(server, true)
    const target = upstream.answers('/run', call => begin(call).write('data: 1\n\n'))
    const run = await post(server, target)
    await run.until(() => run.text.includes('data: 1'))
    const stream = await new Room(server).follow({ user: 'alice' })
    await stream.next('snapshot')

    await redis[fault]()
    await untilReady(server, false)
    const exited = once(server.child, 'exit')
    const start = performance.now()
    server.child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
    expect(performance.now() - start).toBeLessThan(drainMs + 2_000)
  },
  30_000,
)
