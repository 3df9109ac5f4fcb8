/**
 * Verifies tokens (RFC 7519) and reads their claims.
 *
 * A verified token is cached for a minute: its signature costs about as much as all the rest of a POST.
 */
import { errors, jwtVerify } from 'jose'
import { z } from 'zod'
import { colorSchema, firstCharacters, maxLength, nameSchema, userSchema } from '../fields.ts'
import { Problem, unavailable } from '../problem.ts'
import type { Caller } from './caller.ts'
import type { Keys } from './keys.ts'

/** The required values of the claims `iss` and `aud`. */
export interface Expected {
  issuer?: string
  audience?: string
}

const defaultScope = 'location:read location:write'

/** A name that is too long is cut, and one that is not valid counts as left out. */
export const tokenName = z
  .string()
  .transform(name => firstCharacters(name.trim(), maxLength))
  .pipe(nameSchema)
  .transform(name => name || undefined)
  .optional()
  .catch(undefined)

/** A name and a color only decorate, so they never make a token invalid. */
const claimsSchema = z.object({
  sub: userSchema.optional(),
  name: tokenName,
  color: colorSchema.optional().catch(undefined),
  rooms: z.array(z.string()).default([]),
  scope: z.string().default(defaultScope),
  exp: z.number(),
  iat: z.number().optional(),
})

/** What each claim must be, for the message of a 401. */
const claimRules: Record<string, string> = {
  sub: 'must be a valid user id',
  rooms: 'must be a list of room names',
  scope: 'must be a string of scopes with spaces between',
  exp: 'must be a number of seconds since 1970',
  iss: 'must be the AUTH_ISSUER of this server',
  aud: 'must include the AUTH_AUDIENCE of this server',
  nbf: 'is in the future',
  iat: 'is in the future',
}

/** How far the clocks of token issuers may be ahead. It does not prolong a token's life. */
const leewaySeconds = 60
const expired = 'The token has expired. Send a new one.'
const cacheMs = 60_000
const maxCached = 10_000

/** jose's codes for a key set that can't be fetched. Every other error is the token's fault. */
const keyErrors = ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']

export class Verifier {
  readonly #keys: Keys
  readonly #expected: Expected
  #cached = new Map<string, Caller>()
  #clearAt = 0

  constructor(keys: Keys, expected: Expected) {
    this.#keys = keys
    this.#expected = expected
  }

  /** Rejects with a `Problem`: 401, or 503 when the keys can't be fetched. */
  async verify(token: string): Promise<Caller> {
    const now = Date.now()
    if (now >= this.#clearAt || this.#cached.size >= maxCached) {
      this.#cached = new Map()
      this.#clearAt = now + cacheMs
    }
    const known = this.#cached.get(token)
    if (known && now < known.expiresAt) return known
    const caller = callerOf(await this.#claims(token))
    this.#cached.set(token, caller)
    return caller
  }

  async #claims(token: string): Promise<unknown> {
    const { find, algorithms } = this.#keys
    try {
      const { payload } = await jwtVerify(token, find, {
        ...this.#expected,
        algorithms,
        requiredClaims: ['exp'],
        clockTolerance: leewaySeconds,
      })
      return payload
    } catch (error) {
      if (error instanceof errors.JOSEError && !keyErrors.includes(error.code)) throw unauthorized(faultOf(error))
      throw unavailable("The keys that verify tokens can't be fetched now. Send the request again.", { cause: error })
    }
  }
}

/** A 401 `Problem`. `fault` says what is wrong with the token, and never repeats its content. Undefined: there is none. */
export function unauthorized(fault?: string): Problem {
  const challenge = fault ? `, error="invalid_token", error_description="${fault.replaceAll('"', "'")}"` : ''
  return new Problem(
    401,
    fault ??
      'This request needs authentication, such as a token. Send it as "Authorization: Bearer", as a cookie or, for GET, in the query.',
    {
      headers: { 'WWW-Authenticate': `Bearer realm="colocate"${challenge}` },
    },
  )
}

function callerOf(claims: unknown): Caller {
  const { data, error } = claimsSchema.safeParse(claims)
  if (!data) throw unauthorized(claimFault(String(error.issues[0]?.path[0])))
  const { sub, name, color, rooms, scope, exp, iat = 0 } = data
  const nowSeconds = Date.now() / 1_000
  if (exp <= nowSeconds) throw unauthorized(expired)
  if (iat > nowSeconds + leewaySeconds) throw unauthorized(claimFault('iat'))
  return { sub, name, color, rooms, scopes: scope.split(' '), expiresAt: exp * 1_000 }
}

function faultOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return expired
  if (error instanceof errors.JWTClaimValidationFailed) return claimFault(error.claim)
  return 'The token is not a valid JWT, or is signed with another key or algorithm.'
}

function claimFault(claim: string): string {
  return `The token's "${claim}" claim ${claimRules[claim] ?? 'is not valid'}.`
}
