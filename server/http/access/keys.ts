/**
 * What tokens are checked with: a secret, or somebody's public keys. Which algorithms a token may name is decided here.
 */
import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose'

export interface Keys {
  find: JWTVerifyGetKey
  algorithms: string[]
}

const asymmetric = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

const timeoutMs = 5_000
/** Keys may have been withdrawn since. */
const maxAgeMs = 600_000
/** A token may name any key: one that is not known is asked for no more often than this. */
const cooldownMs = 5_000
/** A key set that cannot be had is asked for no more often than this. */
const retryMs = 2_000

export function secretKey(secret: string): Keys {
  const key = new TextEncoder().encode(secret)
  return { find: () => key, algorithms: ['HS256'] }
}

/** `onTrouble` hears of every fetch that failed. */
export function publicKeys(url: string, onTrouble: (reason: string) => void): Keys {
  let nextFetchAt = 0
  const find = createRemoteJWKSet(new URL(url), {
    timeoutDuration: timeoutMs,
    cacheMaxAge: maxAgeMs,
    cooldownDuration: cooldownMs,
    async [customFetch](...request) {
      if (performance.now() < nextFetchAt) throw new Error('The keys were asked for a moment ago.')
      nextFetchAt = performance.now() + retryMs
      try {
        const response = await fetch(...request)
        if (response.status !== 200) throw new Error(`answered ${response.status}`)
        return response
      } catch (error) {
        onTrouble((error as Error).message)
        throw error
      }
    },
  })
  return { find, algorithms: asymmetric }
}
