import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { type Flushable, FlushScheduler } from '../../server/hub/flush-scheduler.ts'

/** The clock, in milliseconds. */
let at = 0
/** Which topic was flushed, and when. */
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

/** Runs the event loop this often. Only flushes take time. */
function rounds(count: number): void {
  for (let i = 0; i < count; i++) jest.advanceTimersByTime(1)
}

/** A topic whose pass takes `tookMs`. `isBusy`: more arrives during each of its passes. */
function topic(name: string, tookMs: number, isBusy = false): Flushable {
  let left = 0
  return {
    flush(until) {
      log.push(`${name} at ${at - 1_000}`)
      const took = Math.min(left || tookMs, until - at)
      left = (left || tookMs) - took
      at += took
      if (left > 0) return 'paused'
      return isBusy ? 'more' : 'finished'
    },
  }
}

test('a quiet topic is flushed at once, a busy one as often as a screen refreshes', () => {
  const a = topic('a', 1)
  scheduler.schedule(a)
  pass(5)
  scheduler.schedule(a)
  pass(20)
  expect(log).toEqual(['a at 0', 'a at 16'])
})

test('a topic for which more arrived during its pass is flushed again without being scheduled', () => {
  scheduler.schedule(topic('a', 1, true))
  pass(40)
  expect(log).toEqual(['a at 0', 'a at 16', 'a at 32'])
})

test('after a turn the event loop handles its input before the next turn', () => {
  for (const name of ['a', 'b', 'c', 'd']) scheduler.schedule(topic(name, 1))
  setImmediate(() => log.push('input'))
  rounds(3)
  expect(log).toEqual(['a at 0', 'b at 1', 'input', 'c at 2', 'd at 3'])
})

test('a topic rests half as long as its pass took', () => {
  const large = topic('large', 40)
  scheduler.schedule(large)
  rounds(30)
  log = []
  scheduler.schedule(large)
  pass(25)
  expect(log[0]).toBe('large at 60')
})

test('with more topics than fit into a turn, the one that has waited longest is first', () => {
  const topics = Array.from('abcdefghij', name => topic(name, 2))
  for (const each of topics) scheduler.schedule(each)
  rounds(1)
  // The first topic has been flushed and has more now.
  if (topics[0]) scheduler.schedule(topics[0])
  rounds(20)
  expect(log).toEqual([...Array.from('abcdefghij', (name, i) => `${name} at ${2 * i}`), 'a at 20'])
})

test('a large topic continues after each turn, and other topics are flushed in between', () => {
  scheduler.schedule(topic('large', 6))
  scheduler.schedule(topic('small', 1))
  rounds(10)
  expect(log).toEqual(['large at 0', 'small at 2', 'large at 3', 'large at 4', 'large at 6'])
})
