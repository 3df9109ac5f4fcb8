/** The client in Chromium behind nginx, over HTTP/1.1 and over HTTP/2. */
import { expect, test } from '@jest/globals'
import { joinRoom, type Room } from '../../../../web/client/index.ts'
import { isLive, sees } from '../../../support/joined.ts'
import { startNginx } from '../../../support/nginx.ts'
import { startRedis } from '../../../support/redis.ts'
import { startServer } from '../../../support/server.ts'
import { launch } from '../../page/browser.ts'

declare const rooms: Room[]

test.each([
  ['HTTP/1.1', 'http/1.1', 4],
  // A browser has six connections to a host over HTTP/1.1, and one for any number of streams over HTTP/2.
  ['HTTP/2', 'h2', 10],
])(
  'behind nginx over %s, moves pass in both directions',
  async (_name, protocol, count) => {
    const redis = await startRedis()
    const env = { REDIS_URL: redis.url, TRUST_PROXY: 'loopback', AUTH: 'off' }
    const [a, b, c, browser] = await Promise.all([startServer(env), startServer(env), startServer(env), launch()])
    const nginx = await startNginx([a.port, b.port, c.port], protocol === 'h2')
    // Not through nginx, whose certificate Node.js would refuse, but in the same room.
    const bob = joinRoom('nginx', { url: a.url, user: 'bob', location: { x: 1, y: 1 } })
    try {
      await isLive(bob)
      const context = await browser.newContext({ ignoreHTTPSErrors: true })
      const page = await context.newPage()
      await page.goto(`${nginx.url}/healthz`)
      await page.evaluate(async count => {
        const { joinRoom } = await import('/client.js' as string)
        const join = (_: unknown, index: number) =>
          joinRoom('nginx', { user: `user-${index}`, location: { x: 0, y: 0 } })
        Object.assign(globalThis, { rooms: Array.from({ length: count }, join) })
      }, count)
      await page.waitForFunction(() => rooms.every(({ status }) => status === 'live'))
      const used = await page.evaluate(() =>
        (performance.getEntriesByType('resource') as PerformanceResourceTiming[]).map(entry => entry.nextHopProtocol),
      )
      expect(new Set(used)).toEqual(new Set([protocol]))
      for (const x of [2, 3, 4]) {
        bob.move({ x })
        await page.waitForFunction(
          x => rooms.every(({ others }) => others.some(other => other.user === 'bob' && other.x === x)),
          x,
        )
        await page.evaluate(x => {
          for (const room of rooms) room.move({ x })
        }, x)
        for (let index = 0; index < count; index++) await sees(bob, `user-${index}`, x)
      }
      expect(await page.evaluate(() => rooms.map(({ transport }) => transport))).toEqual(Array(count).fill('stream'))
      await page.close()
      await isLive(bob)
    } finally {
      await browser.close()
      await bob.leave()
      await nginx.stop()
      await Promise.all([a, b, c].map(server => server.stop()))
      await redis.stop()
    }
  },
  60_000,
)
