import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { claimsOf, renewalAt, TokenSource } from '../../../web/client/token.ts'
import type { TokenRequest } from '../../../web/client/types.ts'

const nowSeconds = () => Date.now() / 1_000
const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`
const passMs = (ms: number) => jest.advanceTimersByTimeAsync(ms)

let source: TokenSource | undefined

beforeEach(() => {
  jest.useFakeTimers({ now: 1_000_000_000 })
})
afterEach(() => {
  source?.close()
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

/** A function that returns tokens of that life, and what it was asked for. */
function setUp(lifeSeconds = 100, fail = (_times: number) => false) {
  const reasons: TokenRequest['reason'][] = []
  const errors: string[] = []
  let renewals = 0
  source = new TokenSource({
    token: ({ reason }) => {
      reasons.push(reason)
      if (fail(reasons.length)) throw new Error('The identity provider is away.')
      return jwt({ sub: 'alice', exp: nowSeconds() + lifeSeconds, iat: nowSeconds(), n: reasons.length })
    },
    onError: ({ detail }) => errors.push(detail),
    onRenewed: () => renewals++,
  })
  return { source, reasons, errors, renewals: () => renewals }
}

test('the claims of a token are read, and text that is no token has none', () => {
  expect(claimsOf(jwt({ sub: 'Zoë', exp: 5 }))).toEqual({ sub: 'Zoë', exp: 5 })
  for (const text of ['', 'opaque', 'a.b.c', `a.${btoa('null')}.c`, `a.${btoa('7')}.c`])
    expect(claimsOf(text).sub).toBeUndefined()
})

test('a token is renewed when a fifth of its life is left, at most 60 s before it expires', () => {
  expect(renewalAt({ iat: 1_000, exp: 1_100 }, 0)).toBe(1_080_000)
  expect(renewalAt({ exp: 1_100 }, 1_050_000)).toBe(1_090_000)
  expect(renewalAt({ iat: 1_000, exp: 4_600 }, 0)).toBe(4_540_000)
  expect(renewalAt({}, 0)).toBeNaN()
})

test('a string is the token, and names the collaborator', async () => {
  const token = jwt({ sub: 'alice' })
  source = new TokenSource({ token })
  expect(await source.get()).toBe(token)
  expect(source.subject).toBe('alice')
  source.revoke(token)
  expect(await source.get()).toBe(token)
})

test('the function is asked once at the start, whatever asks', async () => {
  const { source, reasons } = setUp()
  const [a, b] = await Promise.all([source.get(), source.get()])
  expect(a).toBe(b)
  expect(await source.get()).toBe(a)
  expect(reasons).toEqual(['start'])
})

test('it is asked again before the token expires, and the old token serves until then', async () => {
  const { source, reasons, renewals } = setUp(100)
  const first = await source.get()
  await passMs(79_000)
  expect(await source.get()).toBe(first)
  expect(renewals()).toBe(0)
  await passMs(1_500)
  expect(reasons).toEqual(['start', 'expiring'])
  expect(renewals()).toBe(1)
  expect(await source.get()).not.toBe(first)
  await passMs(80_500)
  expect(renewals()).toBe(2)
})

test('a token function that fails is called again with backoff, and each failure is reported', async () => {
  const { source, reasons, errors } = setUp(100, times => times < 4)
  const token = source.get()
  await passMs(0)
  expect(errors).toEqual(['The token function failed: The identity provider is away.'])
  await passMs(15_000)
  expect(await token).toBeDefined()
  expect(reasons).toEqual(['start', 'start', 'start', 'start'])
  expect(errors).toHaveLength(3)
})

test('a refused token is replaced once for all requests that it was refused to', async () => {
  const { source, reasons } = setUp()
  const first = await source.get()
  source.revoke(first)
  source.revoke(first)
  const [a, b] = await Promise.all([source.get(), source.get()])
  expect(a).toBe(b)
  expect(a).not.toBe(first)
  source.revoke(first)
  expect(await source.get()).toBe(a)
  expect(reasons).toEqual(['start', 'refused'])
})

test('a function that returns the old token again is not asked without a pause', async () => {
  const token = jwt({ iat: nowSeconds(), exp: nowSeconds() + 10 })
  let calls = 0
  source = new TokenSource({
    token: () => {
      calls++
      return token
    },
  })
  await source.get()
  await passMs(9_900)
  expect(calls).toBeGreaterThanOrEqual(2)
  expect(calls).toBeLessThan(6)
})

test('with a clock that is wrong, every token is used until the server refuses it', async () => {
  const { source, reasons } = setUp(-5_000)
  const first = await source.get()
  await passMs(60_000)
  expect(await source.get()).toBe(first)
  expect(reasons).toEqual(['start'])
})

test('a token that lives for months is renewed at its time', async () => {
  const { source, reasons } = setUp(90 * 86_400)
  await source.get()
  await passMs(89 * 86_400_000)
  expect(reasons).toEqual(['start'])
  await passMs(86_400_000)
  expect(reasons).toEqual(['start', 'expiring'])
})
