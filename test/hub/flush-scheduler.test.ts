import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { FlushScheduler } from '../../server/hub/flush-scheduler.ts'
import type { SessionGroup } from '../../server/hub/session-group.ts'

/** The clock, in milliseconds. */
let at = 0
/** Who was written to, and when. */
let log: string[] = []
let scheduler: FlushScheduler

beforeEach(() => {
  at = 1_000
  log = []
  scheduler = new FlushScheduler()
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

/** So many times round the event loop, in which no time passes but what writing takes. */
function rounds(count: number): void {
  for (let i = 0; i < count; i++) jest.advanceTimersByTime(1)
}

/** A topic to whose readers it takes so long to write. */
function topic(name: string, tookMs: number): SessionGroup {
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
  return readers as unknown as SessionGroup
}

test('a quiet topic is written at once, a busy one as often as a screen shows it', () => {
  const a = topic('a', 1)
  scheduler.wake(a)
  pass(5)
  scheduler.wake(a)
  pass(20)
  expect(log).toEqual(['a at 0', 'a at 16'])
})

test('after a turn it is for what came in, and then goes on', () => {
  for (const name of ['a', 'b', 'c', 'd']) scheduler.wake(topic(name, 1))
  setImmediate(() => log.push('input'))
  rounds(3)
  expect(log).toEqual(['a at 0', 'b at 1', 'input', 'c at 2', 'd at 3'])
})

test('a topic rests half as long as writing to its readers took', () => {
  const large = topic('large', 40)
  scheduler.wake(large)
  rounds(30)
  log = []
  scheduler.wake(large)
  pass(25)
  expect(log[0]).toBe('large at 60')
})

test('of more than can be written at once, whoever waited longest is first', () => {
  const [a, ...others] = Array.from('abcdefghij', name => topic(name, 2))
  for (const each of [a, ...others]) scheduler.wake(each as SessionGroup)
  rounds(1)
  // There is more for it, in the meantime.
  scheduler.wake(a as SessionGroup)
  rounds(20)
  expect(log).toEqual([...Array.from('abcdefghij', (name, i) => `${name} at ${2 * i}`), 'a at 20'])
})

test('a topic with many readers goes on after each turn, and others have theirs between', () => {
  scheduler.wake(topic('large', 6))
  scheduler.wake(topic('small', 1))
  rounds(10)
  expect(log).toEqual(['large at 0', 'small at 2', 'large at 3', 'large at 4', 'large at 6'])
})
