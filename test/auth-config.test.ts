/** The settings that say who may. */
import { describe, expect, test } from '@jest/globals'
import { readConfig } from '../server/config.ts'

const secret = 's3cr3t-'.repeat(5)
const url = 'https://issuer.example/keys'

describe('the settings of who may', () => {
  test('are open on loopback, and anywhere when the operator says so', () => {
    expect(readConfig({}).auth).toEqual({ kind: 'open' })
    expect(readConfig({ AUTH: 'off', HOST: '0.0.0.0' }).auth).toEqual({ kind: 'off' })
  })

  test('take a secret or a key set, with an issuer and an audience or without', () => {
    expect(readConfig({ AUTH_SECRET: secret, HOST: '0.0.0.0' }).auth).toEqual({ kind: 'secret', secret, expected: {} })
    const expected = { issuer: 'me', audience: 'you' }
    expect(readConfig({ AUTH_JWKS_URL: url, AUTH_ISSUER: 'me', AUTH_AUDIENCE: 'you' }).auth).toEqual({
      kind: 'jwks',
      url,
      expected,
    })
    expect(readConfig({ AUTH_SECRET: 'é'.repeat(16) }).auth.kind).toBe('secret')
    expect(readConfig({ AUTH_JWKS_URL: 'http://localhost:1/keys' }).auth.kind).toBe('jwks')
  })

  test.each([
    ['open to others', { HOST: '0.0.0.0' }, 'AUTH_SECRET'],
    ['a secret of 31 bytes', { AUTH_SECRET: secret.slice(0, 31) }, 'AUTH_SECRET'],
    ['a secret and a key set', { AUTH_SECRET: secret, AUTH_JWKS_URL: url }, 'AUTH_JWKS_URL'],
    ['a key set that is no URL', { AUTH_JWKS_URL: 's3cr3t-' }, 'AUTH_JWKS_URL'],
    ['a key set that anybody on the way can change', { AUTH_JWKS_URL: 'http://s3cr3t-.example/keys' }, 'AUTH_JWKS_URL'],
    ['a key set in a file', { AUTH_JWKS_URL: 'file:///s3cr3t-' }, 'AUTH_JWKS_URL'],
    ['off, and a secret', { AUTH: 'off', AUTH_SECRET: secret }, 'AUTH=off'],
    ['on', { AUTH: 'on' }, 'AUTH'],
    ['an issuer alone', { AUTH_ISSUER: 'me' }, 'AUTH_ISSUER'],
    ['an audience alone', { AUTH_AUDIENCE: 'me' }, 'AUTH_AUDIENCE'],
  ])('refuse %s, and repeat no secret', (_, env, word) => {
    expect(() => readConfig(env)).toThrow(word)
    expect(() => readConfig(env)).not.toThrow('s3cr3t')
  })
})
