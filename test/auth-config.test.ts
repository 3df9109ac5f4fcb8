/** The configuration of authentication. */
import { describe, expect, test } from '@jest/globals'
import { readConfig } from '../server/config/config.ts'

const secret = 's3cr3t-'.repeat(5)
const url = 'https://issuer.example/keys'

describe('the configuration of authentication', () => {
  test('is open on loopback, and off on any host with AUTH=off', () => {
    expect(readConfig({}).auth).toEqual({ kind: 'open' })
    expect(readConfig({ AUTH: 'off', HOST: '0.0.0.0' }).auth).toEqual({ kind: 'off' })
  })

  test('accepts a secret or a key set, with and without an issuer and an audience', () => {
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
    ['no AUTH on a host that other machines can reach', { HOST: '0.0.0.0' }, 'AUTH_SECRET'],
    ['a secret of 31 bytes', { AUTH_SECRET: secret.slice(0, 31) }, 'AUTH_SECRET'],
    ['a secret and a key set', { AUTH_SECRET: secret, AUTH_JWKS_URL: url }, 'AUTH_JWKS_URL'],
    ['a key set that is not a URL', { AUTH_JWKS_URL: 's3cr3t-' }, 'AUTH_JWKS_URL'],
    ['a key set over plain HTTP from another host', { AUTH_JWKS_URL: 'http://s3cr3t-.example/keys' }, 'AUTH_JWKS_URL'],
    ['a key set in a file', { AUTH_JWKS_URL: 'file:///s3cr3t-' }, 'AUTH_JWKS_URL'],
    ['AUTH=off with a secret', { AUTH: 'off', AUTH_SECRET: secret }, 'AUTH=off'],
    ['AUTH=on', { AUTH: 'on' }, 'AUTH'],
    ['an issuer without keys', { AUTH_ISSUER: 'me' }, 'AUTH_ISSUER'],
    ['an audience without keys', { AUTH_AUDIENCE: 'me' }, 'AUTH_AUDIENCE'],
  ])('refuses %s and does not print a secret', (_, env, word) => {
    expect(() => readConfig(env)).toThrow(word)
    expect(() => readConfig(env)).not.toThrow('s3cr3t')
  })
})
