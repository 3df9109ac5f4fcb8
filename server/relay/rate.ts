/**
 * How often one caller may begin a run.
 */
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'
import { Problem } from '../http/problem.ts'

/** The function it gives rejects with a 429 `Problem` for a call past the rate. */
export function perMinute(calls: number): (caller: string) => Promise<void> {
  const limiter = new RateLimiterMemory({ points: calls, duration: 60 })
  return async caller => {
    await limiter.consume(caller).catch(({ msBeforeNext }: RateLimiterRes) => {
      const seconds = Math.ceil(msBeforeNext / 1_000)
      throw new Problem(429, `No more than ${calls} runs a minute.`, { headers: { 'Retry-After': seconds } })
    })
  }
}
