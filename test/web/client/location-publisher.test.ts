import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { LocationPublisher } from '../../../web/client/location-publisher.ts'
import type { Outcome } from '../../../web/client/requests.ts'
import type { LocationUpdate } from '../../../web/wire.ts'

const done = (stale = false): Outcome => ({ kind: 'done', id: '1-0', user: 'alice', stale })
const retry = (afterMs = 0): Outcome => ({ kind: 'retry', afterMs })
const refused: Outcome = { kind: 'refused', refusal: { status: 403, detail: 'no' } }

/** A publisher whose `send` resolves when the test calls `answer`. */
function setUp() {
  const sent: LocationUpdate[] = []
  const answers: ((outcome: Outcome) => void)[] = []
  const onOutcome = jest.fn<(outcome: Outcome, latest: boolean) => void>()
  const publisher = new LocationPublisher({
    send: update => {
      sent.push(update)
      return new Promise(answer => answers.push(answer))
    },
    onOutcome,
  })
  const answer = async (outcome: Outcome) => {
    answers.shift()?.(outcome)
    await jest.advanceTimersByTimeAsync(0)
  }
  return { publisher, sent, answer, onOutcome }
}

const moveTo = (x: number): LocationUpdate => ({ user: 'alice', x, y: 0 })
const columns = (sent: LocationUpdate[]) => sent.map(update => update.x)
const seqs = (sent: LocationUpdate[]) => sent.map(update => Number(update.seq))

beforeEach(() => {
  jest.useFakeTimers({ now: 1_700_000_000_000 })
  // The longest backoff.
  jest.spyOn(Math, 'random').mockReturnValue(0.999)
})

afterEach(() => {
  expect(jest.getTimerCount()).toBe(0)
  jest.restoreAllMocks()
  jest.useRealTimers()
})

test('the first update is sent at once', () => {
  const { publisher, sent } = setUp()
  publisher.publish(moveTo(1))
  expect(sent).toEqual([{ user: 'alice', x: 1, y: 0, seq: 1_700_000_000_000 }])
})

test('while one update is in flight no other is sent, and then only the latest', async () => {
  const { publisher, sent, answer, onOutcome } = setUp()
  publisher.publish(moveTo(1))
  publisher.publish(moveTo(2))
  publisher.publish(moveTo(3))
  await jest.advanceTimersByTimeAsync(5000)
  expect(columns(sent)).toEqual([1])
  await answer(done())
  expect(columns(sent)).toEqual([1, 3])
  await answer(done())
  expect(onOutcome.mock.calls).toEqual([
    [done(), false],
    [done(), true],
  ])
  expect(publisher.idle).toBe(true)
})

test('the publisher sends at most 20 updates a second', async () => {
  const sent: number[] = []
  const publisher = new LocationPublisher({
    send: async () => {
      sent.push(performance.now())
      return done()
    },
    onOutcome: () => {},
  })
  for (let ms = 0; ms < 1000; ms += 5) {
    publisher.publish(moveTo(ms))
    await jest.advanceTimersByTimeAsync(5)
  }
  await jest.advanceTimersByTimeAsync(50)
  expect(sent.length).toBeLessThanOrEqual(21)
  expect(sent.length).toBeGreaterThanOrEqual(19)
  for (const [index, at] of sent.entries())
    if (index > 0) expect(at - (sent[index - 1] ?? 0)).toBeGreaterThanOrEqual(50)
})

test('the seq grows with every update, even within a millisecond or when the clock is set back', async () => {
  const { publisher, sent, answer } = setUp()
  for (const column of [1, 2, 3]) {
    publisher.publish(moveTo(column))
    jest.setSystemTime(1_600_000_000_000)
    await jest.advanceTimersByTimeAsync(50)
    await answer(done())
  }
  const [first = 0, second = 0, third = 0] = seqs(sent)
  expect(second).toBeGreaterThan(first)
  expect(third).toBeGreaterThan(second)
})

test('an update with an unknown outcome is retried with the same seq after growing delays', async () => {
  const { publisher, sent, answer } = setUp()
  publisher.publish(moveTo(1))
  const pausesMs: number[] = []
  for (let attempt = 0; attempt < 8; attempt++) {
    const at = performance.now()
    const before = sent.length
    await answer(retry())
    while (sent.length === before) await jest.advanceTimersToNextTimerAsync()
    pausesMs.push(Math.round(performance.now() - at))
  }
  await answer(done())
  expect(new Set(seqs(sent)).size).toBe(1)
  expect(pausesMs).toEqual([...pausesMs].sort((a, b) => a - b))
  expect(pausesMs[0]).toBeLessThanOrEqual(1000)
  expect(pausesMs.at(-1)).toBeGreaterThan(14_000)
  expect(pausesMs.at(-1)).toBeLessThanOrEqual(15_000)
})

test('a later update replaces one that waits for its retry', async () => {
  const { publisher, sent, answer } = setUp()
  publisher.publish(moveTo(1))
  await answer(retry())
  publisher.publish(moveTo(2))
  expect(columns(sent)).toEqual([1])
  await jest.advanceTimersByTimeAsync(1000)
  expect(columns(sent)).toEqual([1, 2])
  await answer(done())
})

test('skipBackoff ends the backoff, but not the delay of Retry-After', async () => {
  const { publisher, sent, answer } = setUp()
  publisher.publish(moveTo(1))
  await answer(retry())
  publisher.skipBackoff()
  expect(sent).toHaveLength(2)
  await answer(retry(7000))
  publisher.skipBackoff()
  await jest.advanceTimersByTimeAsync(6999)
  expect(sent).toHaveLength(2)
  await jest.advanceTimersByTimeAsync(1)
  expect(sent).toHaveLength(3)
  await answer(done())
})

test('a refused update is reported and not retried', async () => {
  const { publisher, sent, answer, onOutcome } = setUp()
  publisher.publish(moveTo(1))
  await answer(refused)
  await jest.advanceTimersByTimeAsync(60_000)
  expect(sent).toHaveLength(1)
  expect(onOutcome).toHaveBeenCalledWith(refused, true)
  expect(publisher.idle).toBe(true)
})

test('an update that is stale because another clock is ahead is retried with a higher seq', async () => {
  const { publisher, sent, answer, onOutcome } = setUp()
  const otherSeq = 1_700_000_000_000 + 60_000
  publisher.publish(moveTo(1))
  for (let tries = 0; tries < 10 && Number(sent.at(-1)?.seq) <= otherSeq; tries++) {
    await answer(done(true))
    await jest.advanceTimersByTimeAsync(50)
  }
  await answer(done())
  expect(sent.length).toBeLessThanOrEqual(4)
  expect(onOutcome).toHaveBeenCalledTimes(1)
  publisher.publish(moveTo(2))
  await jest.advanceTimersByTimeAsync(50)
  expect(Number(sent.at(-1)?.seq)).toBeGreaterThan(otherSeq)
  await answer(done())
})

test('a retried update that is stale is done: its first attempt may have succeeded', async () => {
  const { publisher, sent, answer, onOutcome } = setUp()
  publisher.publish(moveTo(1))
  await answer(retry())
  publisher.skipBackoff()
  await answer(done(true))
  await jest.advanceTimersByTimeAsync(1000)
  expect(sent).toHaveLength(2)
  expect(onOutcome).toHaveBeenLastCalledWith(done(true), true)
})

test('an update is refused after a limited number of stale responses', async () => {
  const { publisher, sent, onOutcome, answer } = setUp()
  publisher.publish(moveTo(1))
  for (let tries = 0; tries < 20; tries++) {
    await answer(done(true))
    await jest.advanceTimersByTimeAsync(50)
  }
  expect(sent.length).toBeLessThan(12)
  expect(onOutcome).toHaveBeenCalledWith(expect.objectContaining({ kind: 'refused' }), true)
})

test('a closed publisher sends nothing', async () => {
  const { publisher, sent, answer, onOutcome } = setUp()
  publisher.publish(moveTo(1))
  await answer(retry())
  publisher.close()
  publisher.publish(moveTo(2))
  await jest.advanceTimersByTimeAsync(60_000)
  expect(columns(sent)).toEqual([1])
  expect(onOutcome).toHaveBeenCalledTimes(1)
})
