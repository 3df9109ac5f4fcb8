import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { type Visited, Wheel } from '../../server/hub/wheel.ts'

beforeEach(() => void jest.useFakeTimers())
afterEach(() => void jest.useRealTimers())

/** Wants to be visited again and again after so many ms, and writes down when it was. */
function everyMs(ms: number): Visited & { visits: number[] } {
  const visits: number[] = []
  return {
    slot: undefined,
    visits,
    visit(now) {
      visits.push(now)
      return ms
    },
  }
}

describe('a wheel', () => {
  test('visits each when it asked for it, to within a slot', () => {
    const wheel = new Wheel(10)
    const [often, seldom] = [everyMs(100), everyMs(250)]
    wheel.add(often, 100)
    wheel.add(seldom, 250)
    jest.advanceTimersByTime(1_050)
    expect(often.visits).toHaveLength(10)
    expect(seldom.visits).toHaveLength(4)
  })

  test('visits early who is due after it went round, and takes its word for when to come again', () => {
    const wheel = new Wheel(10)
    let dueAt = performance.now() + 60_000
    const late = { slot: undefined, visits: 0, visit: (now: number) => Math.max(dueAt - now, 0) }
    wheel.add(late, 60_000)
    jest.advanceTimersByTime(59_000)
    dueAt = Number.POSITIVE_INFINITY
    expect(jest.getTimerCount()).toBe(1)
    wheel.remove(late)
  })

  test('does not visit who has left, before or while it is visited, and then has no timer', () => {
    const wheel = new Wheel(10)
    const gone = everyMs(100)
    wheel.add(gone, 100)
    wheel.remove(gone)
    const leaving: Visited = {
      slot: undefined,
      visit() {
        wheel.remove(leaving)
        return 100
      },
    }
    wheel.add(leaving, 50)
    jest.advanceTimersByTime(500)
    expect(gone.visits).toEqual([])
    expect(leaving.slot).toBeUndefined()
    expect(jest.getTimerCount()).toBe(0)
  })
})
