/** What the operator added to a call is not shown. */
import { expect, test } from '@jest/globals'
import { concealHeaders, secretsConcealer } from '../../server/relay/conceal.ts'
import type { Upstream } from '../../server/relay/upstreams.ts'

const upstream = (key: string): Upstream => ({
  origin: 'https://api.example',
  segments: [],
  headers: { authorization: `Bearer ${key}` },
  secrets: [key],
})

test('a key is taken out of an answer, however it is written', () => {
  const key = 'sk/0123 "x"'
  for (const form of [key, JSON.stringify(key).slice(1, -1), 'sk\\/0123 \\"x\\"', encodeURIComponent(key)]) {
    expect(secretsConcealer(upstream(key))(`It is ${form}.`)).toBe('It is […].')
  }
})

test('a key that is a short word is none: an answer stays as it is, an error has no header in it', () => {
  const said = 'There are none, nonetheless.'
  expect(secretsConcealer(upstream('none'))(said)).toBe(said)
  expect(concealHeaders('You sent Bearer none', upstream('none'))).toBe('You sent […]')
})
