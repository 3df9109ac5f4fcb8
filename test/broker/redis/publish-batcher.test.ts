/** What one turn of the event loop publishes, as one. */
import { setImmediate } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import type { Draft } from '../../../server/broker/broker.ts'
import { gathered } from '../../../server/broker/redis/publish-batcher.ts'

const draftsOf = (count: number, key = 'a'): Draft[] =>
  Array.from({ length: count }, (_, i) => ({ key, value: `${i}` }))

function recording() {
  const scripts: Record<string, string[]>[] = []
  const publish = gathered(parts => {
    scripts.push(Object.fromEntries(parts.map(({ topic, drafts }) => [topic, drafts.map(({ key }) => key)])))
    return parts.map(async ({ topic, drafts }) => {
      if (topic === 'broken') throw new Error('broken')
      return drafts.map(({ key }, i) => ({ id: `${topic}-${key}-${i}`, stale: false }))
    })
  })
  return { scripts, publish }
}

test('what one turn publishes is one script, in the order of each topic, and each caller has its own receipts', async () => {
  const { scripts, publish } = recording()
  const receipts = await Promise.all([
    publish('one', draftsOf(1, 'a')),
    publish('two', draftsOf(1, 'b')),
    publish('one', draftsOf(2, 'c')),
  ])
  expect(scripts).toEqual([{ one: ['a', 'c', 'c'], two: ['b'] }])
  expect(receipts.map(all => all.map(({ id }) => id))).toEqual([['one-a-0'], ['two-b-0'], ['one-c-1', 'one-c-2']])
})

test('what another turn publishes is another script', async () => {
  const { scripts, publish } = recording()
  const first = publish('one', draftsOf(1, 'a'))
  await setImmediate()
  await Promise.all([first, publish('one', draftsOf(1, 'b'))])
  expect(scripts).toEqual([{ one: ['a'] }, { one: ['b'] }])
})

test('enough of them do not wait for the end of the turn, and no call is cut in two', async () => {
  const { scripts, publish } = recording()
  const receipts = [publish('one', draftsOf(15)), publish('two', draftsOf(30)), publish('one', draftsOf(1))]
  expect(scripts.map(script => Object.values(script).flat().length)).toEqual([45])
  expect((await Promise.all(receipts)).map(({ length }) => length)).toEqual([15, 30, 1])
  expect(scripts.map(script => Object.values(script).flat().length)).toEqual([45, 1])
})

test('when a topic fails, everyone who published to it hears of it, and nobody else', async () => {
  const { publish } = recording()
  const outcomes = await Promise.allSettled([
    publish('broken', draftsOf(1)),
    publish('one', draftsOf(1)),
    publish('broken', draftsOf(1)),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected'])
})
