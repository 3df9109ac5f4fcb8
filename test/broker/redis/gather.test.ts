/** What one turn of the event loop publishes, as one. */
import { setImmediate } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import type { Draft } from '../../../server/broker/broker.ts'
import { gathered } from '../../../server/broker/redis/gather.ts'

const draftsOf = (count: number, key = 'a'): Draft[] =>
  Array.from({ length: count }, (_, i) => ({ key, value: `${i}` }))

function recording() {
  const calls: [topic: string, keys: string[]][] = []
  const publish = gathered(async (topic, drafts) => {
    calls.push([topic, drafts.map(({ key }) => key)])
    return drafts.map(({ key }, i) => ({ id: `${key}-${i}`, stale: false }))
  })
  return { calls, publish }
}

test('what one turn publishes to a topic is one call, in its order, and each caller has its own receipts', async () => {
  const { calls, publish } = recording()
  const receipts = await Promise.all([
    publish('one', draftsOf(1, 'a')),
    publish('two', draftsOf(1, 'b')),
    publish('one', draftsOf(2, 'c')),
  ])
  expect(calls).toEqual([
    ['one', ['a', 'c', 'c']],
    ['two', ['b']],
  ])
  expect(receipts.map(all => all.map(({ id }) => id))).toEqual([['a-0'], ['b-0'], ['c-1', 'c-2']])
})

test('what another turn publishes is another call', async () => {
  const { calls, publish } = recording()
  const first = publish('one', draftsOf(1, 'a'))
  await setImmediate()
  await Promise.all([first, publish('one', draftsOf(1, 'b'))])
  expect(calls.map(([, keys]) => keys)).toEqual([['a'], ['b']])
})

test('a call holds at most a thousand, and none is cut in two', async () => {
  const { calls, publish } = recording()
  const receipts = await Promise.all([
    publish('one', draftsOf(600)),
    publish('one', draftsOf(600)),
    publish('one', draftsOf(400)),
  ])
  expect(calls.map(([, keys]) => keys.length)).toEqual([600, 1_000])
  expect(receipts.map(({ length }) => length)).toEqual([600, 600, 400])
})

test('when the one call fails, every caller of its turn hears of it, and the next turn is none the worse', async () => {
  let isAway = true
  const publish = gathered(async (_, drafts) => {
    if (isAway) throw new Error('away')
    return drafts.map(() => ({ id: '1-1', stale: false }))
  })
  const outcomes = await Promise.allSettled([publish('one', draftsOf(1)), publish('one', draftsOf(1))])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  isAway = false
  await expect(publish('one', draftsOf(1))).resolves.toHaveLength(1)
})
