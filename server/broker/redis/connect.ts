/**
 * Connections to Redis, with the habits this broker needs: no command waits in a queue for a better day, none is sent twice.
 */
import { Redis, type RedisOptions } from 'ioredis'

const options = {
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  commandTimeout: 2_000,
  connectTimeout: 2_000,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  retryStrategy: (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 5), 1_000) * (0.5 + Math.random() / 2),
} satisfies RedisOptions

/** `onError` hears of every failed connection; ioredis goes on trying. */
export function connect(url: string, onError: (error: Error) => void): { commands: Redis; subscriber: Redis } {
  const commands = new Redis(url, { ...options, connectionName: 'colocate' })
  const subscriber = new Redis(url, { ...options, connectionName: 'colocate-subscriber' })
  for (const redis of [commands, subscriber]) redis.on('error', onError)
  return { commands, subscriber }
}
