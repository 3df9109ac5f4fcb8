/**
 * Counters that all instances share.
 */
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis, RLWrapperTimeouts } from 'rate-limiter-flexible'
import type { Connections } from './connections.ts'

/** A limit must not make anybody wait. */
const timeoutMs = 200

/** Gives `points` to each key in every `seconds`. With Redis away or slow each instance counts for itself. */
export function redisLimiter(
  { commands }: Connections,
  keyPrefix: string,
  points: number,
  seconds: number,
): RateLimiterAbstract {
  const limiter = new RateLimiterRedis({
    storeClient: commands,
    rejectIfRedisNotReady: true,
    keyPrefix,
    points,
    duration: seconds,
    // Whoever is over it costs Redis nothing more until its time is over.
    inMemoryBlockOnConsumed: points,
    insuranceLimiter: new RateLimiterMemory({ keyPrefix, points, duration: seconds }),
  })
  return new RLWrapperTimeouts({ limiter, timeoutMs })
}
