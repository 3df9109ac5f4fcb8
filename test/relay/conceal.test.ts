/** What the operator added to a call is not shown. */
import { expect, test } from '@jest/globals'
import { concealHeaders, concealSecrets } from '../../server/relay/conceal.ts'
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
    expect(concealSecrets(`It is ${form}.`, upstream(key))).toBe('It is […].')
  }
})

test('a key that is a short word is none: an answer stays as it is, an error has no header in it', () => {
  const said = 'There are none, nonetheless.'
  expect(concealSecrets(said, upstream('none'))).toBe(said)
  expect(concealHeaders('You sent Bearer none', upstream('none'))).toBe('You sent […]')
})
