/** The relay removes the operator's header values from answers and errors. */
import { expect, test } from '@jest/globals'
import { concealHeaders, secretsConcealer } from '../../server/relay/conceal.ts'
import type { Upstream } from '../../server/relay/upstreams.ts'

const upstream = (key: string): Upstream => ({
  origin: 'https://api.example',
  segments: [],
  allowPrivate: false,
  headers: { authorization: `Bearer ${key}` },
  secrets: [key],
})

test('the relay removes a key from an answer in every encoding', () => {
  const key = 'sk/0123 "x"'
  for (const form of [key, JSON.stringify(key).slice(1, -1), 'sk\\/0123 \\"x\\"', encodeURIComponent(key)]) {
    expect(secretsConcealer(upstream(key))(`It is ${form}.`)).toBe('It is […].')
  }
})

test('the relay keeps a short secret in an answer, but removes a whole header value from an error', () => {
  const text = 'There are none, nonetheless.'
  expect(secretsConcealer(upstream('none'))(text)).toBe(text)
  expect(concealHeaders('You sent Bearer none', upstream('none'))).toBe('You sent […]')
})
