/**
 * Instances on a Redis that is reached through a proxy, and a connection of the test's own to it.
 */
import { Redis } from 'ioredis'
import { until } from '../support/patience.ts'
import { TestProxy } from '../support/proxy.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { untilReady } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'

/** Leases outlast the test: who is where is a matter of the locations alone. */
export const calm = { LEASE_MS: '600000', POST_RATE: '1000000', HISTORY_LENGTH: '20000' }

export interface Scene {
  redis: TestRedis
  proxy: TestProxy
  admin: Redis
  servers: TestServer[]
  urls(): string[]
  /** Where writers are answered. */
  writable(): string[]
  /** Stops an instance (SIGSTOP) while something happens. */
  stopOne(meanwhile: () => Promise<unknown>): Promise<void>
  /** Whether each instance hears of the room. */
  isHeard(room: string): Promise<boolean>
  /** Another instance. */
  start(): Promise<TestServer>
  stop(): Promise<void>
}

export async function startScene(settings: string[] = [], env: Record<string, string> = {}, count = 2): Promise<Scene> {
  const redis = await startRedis(settings)
  const proxy = await TestProxy.start(redis.port)
  const admin = administer(redis)
  const servers: TestServer[] = []
  let stopped: TestServer | undefined
  const scene: Scene = {
    redis,
    proxy,
    admin,
    servers,
    urls: () => servers.map(({ url }) => url),
    writable: () => servers.filter(server => server !== stopped).map(({ url }) => url),
    async stopOne(meanwhile) {
      stopped = servers[0]
      stopped?.child.kill('SIGSTOP')
      await meanwhile().finally(() => {
        stopped?.child.kill('SIGCONT')
        stopped = undefined
      })
    },
    isHeard: async room => (await listeners(admin, `colocate:{${room}}:events`)) === servers.length,
    async start() {
      const server = await startServer({ ...calm, REDIS_URL: proxy.url, ...env })
      await untilReady(server, true)
      servers.push(server)
      return server
    },
    async stop() {
      for (const { child } of servers) child.kill('SIGCONT')
      await Promise.all(servers.map(server => server.stop()))
      admin.disconnect()
      await proxy.stop()
      await redis.stop()
    },
  }
  try {
    await Promise.all(Array.from({ length: count }, () => scene.start()))
  } catch (error) {
    await scene.stop()
    throw error
  }
  return scene
}

export function administer({ url }: TestRedis): Redis {
  return new Redis(url, { retryStrategy: () => 50, enableReadyCheck: false }).on('error', () => {})
}

async function listeners(admin: Redis, channel: string): Promise<number> {
  const [, count] = (await admin.pubsub('NUMSUB', channel)) as [string, number]
  return Number(count)
}

export async function answers(admin: Redis): Promise<void> {
  await until('Redis answers', async () => (await admin.ping()) === 'PONG')
}
