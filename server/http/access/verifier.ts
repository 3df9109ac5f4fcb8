/**
 * Tokens (RFC 7519) checked, and their claims as a caller.
 *
 * A token that was good is believed for a minute without another look at its signature: that costs about as much as all
 * the rest of a POST.
 */
import { errors, jwtVerify } from 'jose'
import { z } from 'zod'
import { colorSchema, nameSchema, userSchema } from '../fields.ts'
import { Problem, unavailable } from '../problem.ts'
import type { Caller } from './caller.ts'
import type { Keys } from './keys.ts'

/** What a token must say besides. */
export interface Expected {
  issuer?: string
  audience?: string
}

const claimsSchema = z.object({
  sub: userSchema.optional(),
  name: nameSchema.optional(),
  color: colorSchema.optional(),
  rooms: z.array(z.string()).default([]),
  scope: z.string().default(''),
  exp: z.number(),
})

const believedMs = 60_000
const maxBelieved = 10_000

/** The key set could not be had; everything else that jose throws is the token's fault. */
const keysAway = ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']

export class Verifier {
  readonly #keys: Keys
  readonly #expected: Expected
  #believed = new Map<string, Caller>()
  #forgetAt = 0

  constructor(keys: Keys, expected: Expected) {
    this.#keys = keys
    this.#expected = expected
  }

  /** Rejects with a `Problem`: 401, or 503 when there is nothing to check it with. */
  async verify(token: string): Promise<Caller> {
    const now = Date.now()
    if (now >= this.#forgetAt || this.#believed.size >= maxBelieved) {
      this.#believed = new Map()
      this.#forgetAt = now + believedMs
    }
    const known = this.#believed.get(token)
    if (known && now < known.expiresAt) return known
    const caller = callerOf(await this.#claims(token))
    this.#believed.set(token, caller)
    return caller
  }

  async #claims(token: string): Promise<unknown> {
    const { find, algorithms } = this.#keys
    try {
      const { payload } = await jwtVerify(token, find, { ...this.#expected, algorithms, requiredClaims: ['exp'] })
      return payload
    } catch (error) {
      if (error instanceof errors.JOSEError && !keysAway.includes(error.code)) throw unauthorized(faultOf(error))
      throw unavailable('The keys that tokens are checked with cannot be had at present.')
    }
  }
}

/** `fault`: what is wrong with the token; without one there was none. Never what the token says: it stays as it was sent. */
export function unauthorized(fault?: string): Problem {
  const challenge = fault ? `, error="invalid_token", error_description="${fault}"` : ''
  return new Problem(401, fault ?? 'A token is needed here.', {
    headers: { 'WWW-Authenticate': `Bearer realm="colocate"${challenge}` },
  })
}

function callerOf(claims: unknown): Caller {
  const { data, error } = claimsSchema.safeParse(claims)
  if (!data) throw unauthorized(`The claim ${String(error.issues[0]?.path[0])} is not as it must be.`)
  const { sub, name, color, rooms, scope, exp } = data
  return { sub, name, color, rooms, scopes: scope.split(' '), expiresAt: exp * 1_000 }
}

function faultOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'The token has expired.'
  if (error instanceof errors.JWTClaimValidationFailed) return `The claim ${error.claim} is not as it must be.`
  return 'The token is not valid.'
}
