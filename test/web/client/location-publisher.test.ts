import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { LocationPublisher } from '../../../web/client/location-publisher.ts'
import type { Outcome } from '../../../web/client/requests.ts'
import type { LocationUpdate } from '../../../web/wire.ts'

const done = (stale = false): Outcome => ({ kind: 'done', id: '1-0', user: 'alice', stale })
const later = (afterMs = 0): Outcome => ({ kind: 'later', afterMs })
const refused: Outcome = { kind: 'refused', refusal: { status: 403, detail: 'no' } }

/** A publisher whose POSTs are answered by hand. */
function setUp() {
  const sent: LocationUpdate[] = []
  const answers: ((outcome: Outcome) => void)[] = []
  const onOutcome = jest.fn<(outcome: Outcome, latest: boolean) => void>()
  const publisher = new LocationPublisher({
    send: draft => {
      sent.push(draft)
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
const columns = (sent: LocationUpdate[]) => sent.map(draft => draft.x)
const seqs = (sent: LocationUpdate[]) => sent.map(draft => Number(draft.seq))

beforeEach(() => {
  jest.useFakeTimers({ now: 1_700_000_000_000 })
  // The longest pause there can be.
  jest.spyOn(Math, 'random').mockReturnValue(0.999)
})

afterEach(() => {
  expect(jest.getTimerCount()).toBe(0)
  jest.restoreAllMocks()
  jest.useRealTimers()
})

test('the first move is sent at once', () => {
  const { publisher, sent } = setUp()
  publisher.move(moveTo(1))
  expect(sent).toEqual([{ user: 'alice', x: 1, y: 0, seq: 1_700_000_000_000 }])
})

test('while one is in flight no other is sent, and then only the latest', async () => {
  const { publisher, sent, answer, onOutcome } = setUp()
  publisher.move(moveTo(1))
  publisher.move(moveTo(2))
  publisher.move(moveTo(3))
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

test('moves that are answered at once leave at most 20 times a second', async () => {
  const sent: number[] = []
  const publisher = new LocationPublisher({
    send: async () => {
      sent.push(performance.now())
      return done()
    },
    onOutcome: () => {},
  })
  for (let ms = 0; ms < 1000; ms += 5) {
    publisher.move(moveTo(ms))
    await jest.advanceTimersByTimeAsync(5)
  }
  await jest.advanceTimersByTimeAsync(50)
  expect(sent.length).toBeLessThanOrEqual(21)
  expect(sent.length).toBeGreaterThanOrEqual(19)
  for (const [index, at] of sent.entries())
    if (index > 0) expect(at - (sent[index - 1] ?? 0)).toBeGreaterThanOrEqual(50)
})

test('the seq grows with every move, even within a millisecond or when the clock is set back', async () => {
  const { publisher, sent, answer } = setUp()
  for (const column of [1, 2, 3]) {
    publisher.move(moveTo(column))
    jest.setSystemTime(1_600_000_000_000)
    await jest.advanceTimersByTimeAsync(50)
    await answer(done())
  }
  const [first = 0, second = 0, third = 0] = seqs(sent)
  expect(second).toBeGreaterThan(first)
  expect(third).toBeGreaterThan(second)
})

test('a move nobody knows the fate of goes again under the same seq, after pauses that grow', async () => {
  const { publisher, sent, answer } = setUp()
  publisher.move(moveTo(1))
  const pausesMs: number[] = []
  for (let attempt = 0; attempt < 8; attempt++) {
    const at = performance.now()
    const before = sent.length
    await answer(later())
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

test('a later move takes the place of one that waits to go again', async () => {
  const { publisher, sent, answer } = setUp()
  publisher.move(moveTo(1))
  await answer(later())
  publisher.move(moveTo(2))
  expect(columns(sent)).toEqual([1])
  await jest.advanceTimersByTimeAsync(1000)
  expect(columns(sent)).toEqual([1, 2])
  await answer(done())
})

test('good news cuts the pause short, but not one that the server asked for', async () => {
  const { publisher, sent, answer } = setUp()
  publisher.move(moveTo(1))
  await answer(later())
  publisher.wake()
  expect(sent).toHaveLength(2)
  await answer(later(7000))
  publisher.wake()
  await jest.advanceTimersByTimeAsync(6999)
  expect(sent).toHaveLength(2)
  await jest.advanceTimersByTimeAsync(1)
  expect(sent).toHaveLength(3)
  await answer(done())
})

test('a refusal is reported and not tried again', async () => {
  const { publisher, sent, answer, onOutcome } = setUp()
  publisher.move(moveTo(1))
  await answer(refused)
  await jest.advanceTimersByTimeAsync(60_000)
  expect(sent).toHaveLength(1)
  expect(onOutcome).toHaveBeenCalledWith(refused, true)
  expect(publisher.idle).toBe(true)
})

test('a move that lost to a device with a faster clock goes again further ahead, and the next ones stay ahead', async () => {
  const { publisher, sent, answer, onOutcome } = setUp()
  const othersSeq = 1_700_000_000_000 + 60_000
  publisher.move(moveTo(1))
  for (let tries = 0; tries < 10 && Number(sent.at(-1)?.seq) <= othersSeq; tries++) {
    await answer(done(true))
    await jest.advanceTimersByTimeAsync(50)
  }
  await answer(done())
  expect(sent.length).toBeLessThanOrEqual(4)
  expect(onOutcome).toHaveBeenCalledTimes(1)
  publisher.move(moveTo(2))
  await jest.advanceTimersByTimeAsync(50)
  expect(Number(sent.at(-1)?.seq)).toBeGreaterThan(othersSeq)
  await answer(done())
})

test('a repeated move that is stale may have lost to itself, and is settled', async () => {
  const { publisher, sent, answer, onOutcome } = setUp()
  publisher.move(moveTo(1))
  await answer(later())
  publisher.wake()
  await answer(done(true))
  await jest.advanceTimersByTimeAsync(1000)
  expect(sent).toHaveLength(2)
  expect(onOutcome).toHaveBeenLastCalledWith(done(true), true)
})

test('a server that calls everything stale is not asked for ever, and the move is refused', async () => {
  const { publisher, sent, onOutcome, answer } = setUp()
  publisher.move(moveTo(1))
  for (let tries = 0; tries < 20; tries++) {
    await answer(done(true))
    await jest.advanceTimersByTimeAsync(50)
  }
  expect(sent.length).toBeLessThan(12)
  expect(onOutcome).toHaveBeenCalledWith(expect.objectContaining({ kind: 'refused' }), true)
})

test('a closed publisher sends nothing any more', async () => {
  const { publisher, sent, answer, onOutcome } = setUp()
  publisher.move(moveTo(1))
  await answer(later())
  publisher.close()
  publisher.move(moveTo(2))
  await jest.advanceTimersByTimeAsync(60_000)
  expect(columns(sent)).toEqual([1])
  expect(onOutcome).toHaveBeenCalledTimes(1)
})
