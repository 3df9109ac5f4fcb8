/**
 * A Redis node that announces the address of its proxy, so that tests can break its connections to clients and to other
 * nodes.
 */
import { Redis } from 'ioredis'
import { TestProxy } from './proxy.ts'
import { startRedis, type TestRedis } from './redis.ts'

export interface TestNode extends TestRedis {
  proxy: TestProxy
  /** A connection of the test that bypasses the proxy. */
  admin: Redis
}

/** `settings` returns the settings of the command line. Its argument is the port of the proxy. */
export async function startNode(settings: (knownPort: number) => string[] = () => []): Promise<TestNode> {
  const proxy = await TestProxy.start(0)
  try {
    const redis = await startRedis(settings(proxy.port))
    const { stop } = redis
    proxy.lead(redis.port)
    const admin = connectAdmin(redis)
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

/** Connects to Redis. Commands wait while Redis is away. */
export function connectAdmin({ url }: TestRedis): Redis {
  return new Redis(url, { retryStrategy: () => 50, enableReadyCheck: false }).on('error', () => {})
}
