/**
 * A rate limiter whose counters all instances share.
 */
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis, RLWrapperTimeouts } from 'rate-limiter-flexible'
import type { Connections } from './connections.ts'

/** A request must not wait long for its limit. */
const timeoutMs = 200

/** Allows each key `points` per `seconds`. While Redis is away or slow, each instance counts for itself. */
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
    // A key that is over its limit costs no further Redis command until its time has passed.
    inMemoryBlockOnConsumed: points,
    insuranceLimiter: new RateLimiterMemory({ keyPrefix, points, duration: seconds }),
  })
  return new RLWrapperTimeouts({ limiter, timeoutMs })
}
