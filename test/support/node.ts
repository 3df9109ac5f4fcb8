/**
 * A Redis that everybody knows by its proxy, the other nodes of its kind too, so that what lies between can break.
 */
import { Redis } from 'ioredis'
import { TestProxy } from './proxy.ts'
import { startRedis, type TestRedis } from './redis.ts'

export interface TestNode extends TestRedis {
  proxy: TestProxy
  /** A connection of the test's own, past the proxy. */
  admin: Redis
}

/** `settings` are those of its command line; they may need the port that it is known by. */
export async function startNode(settings: (knownPort: number) => string[] = () => []): Promise<TestNode> {
  const proxy = await TestProxy.start(0)
  try {
    const redis = await startRedis(settings(proxy.port))
    const { stop } = redis
    proxy.lead(redis.port)
    const admin = administer(redis)
    return Object.assign(redis, {
      proxy,
      admin,
      async stop() {
        admin.disconnect()
        await Promise.all([proxy.stop(), stop()])
      },
    })
  } catch (error) {
    await proxy.stop()
    throw error
  }
}

/** Commands to a Redis that is away wait until it is back. */
export function administer({ url }: TestRedis): Redis {
  return new Redis(url, { retryStrategy: () => 50, enableReadyCheck: false }).on('error', () => {})
}
