/**
 * How many runs each caller may begin in a minute.
 */
import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible'
import { tooMany } from '../http/limits/too-many.ts'

/** `limiter` has `calls` points for each caller and minute. What it gives rejects with a 429 `Problem`. */
export function perMinute(calls: number, limiter: RateLimiterAbstract): (caller: string) => Promise<void> {
  return async caller => {
    try {
      await limiter.consume(caller)
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal
      throw tooMany(
        'These are too many runs of one caller in a minute.',
        { name: 'relay', quota: calls, seconds: 60 },
        refusal.msBeforeNext,
      )
    }
  }
}
