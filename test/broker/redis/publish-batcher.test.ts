/** How the batcher combines the publishes of one turn of the event loop. */
import { setImmediate } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import type { Draft } from '../../../server/broker/broker.ts'
import { PublishBatcher } from '../../../server/broker/redis/publish-batcher.ts'

const draftsOf = (count: number, key = 'a'): Draft[] =>
  Array.from({ length: count }, (_, i) => ({ key, value: `${i}` }))

/** A batcher whose scripts reply as Redis does, and a record of the keys that each script publishes to each topic. */
function recordingBatcher() {
  const scripts: Record<string, string[]>[] = []
  const batcher = new PublishBatcher({
    runAll(_name, calls) {
      const keysOf = (args: (string | number)[]) => args.filter((_, i) => i % 3 === 1).map(String)
      scripts.push(Object.fromEntries(calls.map(({ topic, args }) => [topic, keysOf(args)])))
      return calls.map(async ({ topic, args }) => {
        if (topic === 'broken') throw new Error('broken')
        return keysOf(args).flatMap((key, i) => [`${topic}-${key}-${i}`, 0])
      })
    },
  })
  return { scripts, publish: (topic: string, drafts: Draft[]) => batcher.publish(topic, drafts) }
}

test('the batcher sends the publishes of one turn as one script, in order for each topic, and each call gets its own receipts', async () => {
  const { scripts, publish } = recordingBatcher()
  const receipts = await Promise.all([
    publish('one', draftsOf(1, 'a')),
    publish('two', draftsOf(1, 'b')),
    publish('one', draftsOf(2, 'c')),
  ])
  expect(scripts).toEqual([{ one: ['a', 'c', 'c'], two: ['b'] }])
  expect(receipts.map(all => all?.map(({ id }) => id))).toEqual([['one-a-0'], ['two-b-0'], ['one-c-1', 'one-c-2']])
})

test('the batcher sends the publishes of separate turns as separate scripts', async () => {
  const { scripts, publish } = recordingBatcher()
  const first = publish('one', draftsOf(1, 'a'))
  await setImmediate()
  await Promise.all([first, publish('one', draftsOf(1, 'b'))])
  expect(scripts).toEqual([{ one: ['a'] }, { one: ['b'] }])
})

test('the batcher sends a large batch before the end of the turn and never splits the drafts of a call', async () => {
  const { scripts, publish } = recordingBatcher()
  const receipts = [publish('one', draftsOf(15)), publish('two', draftsOf(30)), publish('one', draftsOf(1))]
  expect(scripts.map(script => Object.values(script).flat().length)).toEqual([45])
  expect((await Promise.all(receipts)).map(receipts => receipts?.length)).toEqual([15, 30, 1])
  expect(scripts.map(script => Object.values(script).flat().length)).toEqual([45, 1])
})

test('if a topic fails, only the publishes to that topic reject', async () => {
  const { publish } = recordingBatcher()
  const outcomes = await Promise.allSettled([
    publish('broken', draftsOf(1)),
    publish('one', draftsOf(1)),
    publish('broken', draftsOf(1)),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected'])
})

test('the arguments have a key, a seq (or an empty string) and a value for each draft, and the receipts mark stale drafts', async () => {
  const calls: unknown[] = []
  const batcher = new PublishBatcher({
    runAll(name, all) {
      calls.push(name, all)
      return [Promise.resolve(['1-1', 0, '1-0', 1])]
    },
  })
  const drafts = [
    { key: 'a', value: 'x' },
    { key: 'b', value: 'y', seq: 7 },
  ]
  expect(await batcher.publish('one', drafts)).toEqual([
    { id: '1-1', stale: false },
    { id: '1-0', stale: true },
  ])
  expect(calls).toEqual(['publish', [{ topic: 'one', args: ['2', 'a', '', 'x', 'b', 7, 'y'] }]])
})
