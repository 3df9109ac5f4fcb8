import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { Pacer } from '../../server/hub/pacer.ts'
import type { Readers } from '../../server/hub/readers.ts'

/** The clock, in milliseconds. */
let at = 0
/** Who was written to, and when. */
let log: string[] = []
let pacer: Pacer

beforeEach(() => {
  at = 1_000
  log = []
  pacer = new Pacer()
  jest.useFakeTimers({ doNotFake: ['performance'] })
  jest.spyOn(performance, 'now').mockImplementation(() => at)
})
afterEach(() => {
  jest.restoreAllMocks()
  jest.useRealTimers()
})

function pass(ms: number): void {
  jest.advanceTimersByTime(0)
  for (let i = 0; i < ms; i++) {
    at += 1
    jest.advanceTimersByTime(1)
  }
}

/** A topic to whose readers it takes so long to write. */
function topic(name: string, tookMs: number): Readers {
  let left = 0
  const readers = {
    pace: { begunAt: 0, tookMs: 0, dueAt: 0 },
    get isUnderWay() {
      return left > 0
    },
    flush(now: number, endsAt: number) {
      log.push(`${name} at ${now - 1_000}`)
      const took = Math.min(left || tookMs, endsAt - now)
      left = (left || tookMs) - took
      at += took
      return left > 0
    },
  }
  return readers as unknown as Readers
}

test('a quiet topic is written at once, a busy one as often as a screen shows it', () => {
  const a = topic('a', 1)
  pacer.wake(a)
  pass(5)
  pacer.wake(a)
  pass(20)
  expect(log).toEqual(['a at 0', 'a at 16'])
})

test('after as much as was written to many topics, as long is left for what comes in', () => {
  for (const name of ['a', 'b', 'c']) pacer.wake(topic(name, 1))
  pass(0)
  pacer.wake(topic('late', 1))
  pass(10)
  expect(log).toEqual(['a at 0', 'b at 1', 'c at 2', 'late at 6'])
})

test('of more than can be written, whoever waited longest is first', () => {
  const topics = ['a', 'b', 'c', 'd', 'e', 'f'].map(name => topic(name, 2))
  for (const each of topics) pacer.wake(each)
  pass(4)
  // There is more for them, in the meantime.
  for (const each of topics.slice(0, 2)) pacer.wake(each)
  pass(30)
  expect(log).toEqual(['a at 0', 'b at 2', 'c at 8', 'd at 10', 'e at 16', 'f at 18', 'a at 24', 'b at 26'])
})

test('a topic with many readers goes on after each turn, and others have theirs between', () => {
  pacer.wake(topic('large', 12))
  pass(0)
  pacer.wake(topic('small', 1))
  pass(20)
  expect(log.map(line => line.split(' ')[0])).toEqual(['large', 'large', 'small', 'large', 'large'])
})
