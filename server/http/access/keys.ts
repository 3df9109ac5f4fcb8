/**
 * The keys that tokens are verified with: a shared secret, or public keys fetched from a URL. Each kind allows only its
 * own algorithms.
 */
import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose'

export interface Keys {
  find: JWTVerifyGetKey
  algorithms: string[]
}

const asymmetric = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

const timeoutMs = 5_000
/** After this, the keys are fetched again: some may have been withdrawn. */
const maxAgeMs = 600_000
/** A token can name any key. An unknown one makes the server fetch the keys at most this often. */
const cooldownMs = 5_000
/** How long the server waits after a failed fetch. */
const retryMs = 2_000

export function secretKey(secret: string): Keys {
  const key = new TextEncoder().encode(secret)
  return { find: () => key, algorithms: ['HS256'] }
}

/** `onFetchError` receives the reason of each failed fetch. */
export function publicKeys(url: string, onFetchError: (reason: string) => void): Keys {
  let nextFetchAt = 0
  const find = createRemoteJWKSet(new URL(url), {
    timeoutDuration: timeoutMs,
    cacheMaxAge: maxAgeMs,
    cooldownDuration: cooldownMs,
    async [customFetch](...request) {
      if (performance.now() < nextFetchAt) throw new Error('The keys were requested a moment ago.')
      nextFetchAt = performance.now() + retryMs
      try {
        const response = await fetch(...request)
        if (response.status !== 200) throw new Error(`The URL of the keys answered ${response.status}.`)
        return response
      } catch (error) {
        onFetchError((error as Error).message)
        throw error
      }
    },
  })
  return { find, algorithms: asymmetric }
}
