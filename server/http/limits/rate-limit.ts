/**
 * Takes points from a rate limiter and reports a refusal as a 429.
 */
import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible'
import { type RatePolicy, tooManyRequests } from '../problem.ts'

/** Rejects with a 429 `Problem` when `key` has too few points left. */
export async function consume(
  limiter: RateLimiterAbstract,
  key: string,
  points: number,
  policy: RatePolicy,
  detail: string,
): Promise<void> {
  try {
    await limiter.consume(key, points)
  } catch (refusal) {
    if (!(refusal instanceof RateLimiterRes)) throw refusal
    throw tooManyRequests(detail, policy, refusal.msBeforeNext)
  }
}
