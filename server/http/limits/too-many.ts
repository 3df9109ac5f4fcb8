/**
 * What somebody who asks too often is told (draft-ietf-httpapi-ratelimit-headers).
 */
import { Problem } from '../problem.ts'

/** `quota` in each `seconds`. */
export interface Policy {
  name: string
  quota: number
  seconds: number
}

export function tooMany(detail: string, { name, quota, seconds }: Policy, waitMs: number): Problem {
  const waitSeconds = Math.max(1, Math.ceil(waitMs / 1_000))
  return new Problem(429, detail, {
    headers: {
      'Retry-After': waitSeconds,
      'RateLimit-Policy': `"${name}";q=${quota};w=${seconds}`,
      RateLimit: `"${name}";r=0;t=${waitSeconds}`,
    },
  })
}
