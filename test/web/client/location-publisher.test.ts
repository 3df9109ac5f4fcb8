import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { ColocateError } from '../../../web/client/errors.ts'
import { LocationPublisher } from '../../../web/client/location-publisher.ts'
import type { Outcome } from '../../../web/client/publish.ts'
import type { LocationUpdate } from '../../../web/wire.ts'

const passMs = (ms: number) => jest.advanceTimersByTimeAsync(ms)
const done = (stale = false): Outcome => ({ kind: 'done', id: '1-0', user: 'me', stale })
const later = (afterMs = 0): Outcome => ({ kind: 'later', afterMs })
const refused: Outcome = { kind: 'refused', error: new ColocateError(403, 'No.') }

let publisher: LocationPublisher

/** A publisher whose requests are answered at once by `answer`, or one by one by `land`. */
function setUp(answer?: (update: LocationUpdate) => Outcome, movesPerSecond = 20) {
  const sent: (LocationUpdate & { at: number })[] = []
  const outcomes: [kind: string, isLatest: boolean][] = []
  const landing: ((outcome: Outcome) => void)[] = []
  publisher = new LocationPublisher({
    movesPerSecond,
    send: (update, signal) => {
      sent.push({ ...update, at: Date.now() })
      if (answer) return Promise.resolve(answer(update))
      return new Promise(resolve => {
        landing.push(resolve)
        signal.addEventListener('abort', () => {
          landing.splice(landing.indexOf(resolve), 1)
          resolve(later())
        })
      })
    },
    onOutcome: (outcome, isLatest) => outcomes.push([outcome.kind, isLatest]),
  })
  const land = async (outcome = done()) => {
    landing.shift()?.(outcome)
    await passMs(0)
  }
  return { sent, outcomes, land }
}

beforeEach(() => {
  jest.useFakeTimers({ now: 1_000_000 })
})
afterEach(async () => {
  void publisher.close()
  await passMs(0)
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

test('moves that come faster than the pace are published as the latest one', async () => {
  const { sent } = setUp(() => done())
  for (let x = 0; x < 100; x++) {
    publisher.publish({ x, y: 0 })
    await passMs(10)
  }
  await passMs(100)
  expect(sent.length).toBeLessThanOrEqual(21)
  expect(sent.at(-1)?.x).toBe(99)
  expect(publisher.isIdle).toBe(true)
})

test('movesPerSecond sets the pace', async () => {
  const { sent } = setUp(() => done(), 2)
  for (const x of [1, 2, 3]) {
    publisher.publish({ x, y: 0 })
    await passMs(500)
  }
  expect(sent.map(({ at }) => at - 1_000_000)).toEqual([0, 500, 1_000])
})

test('one request is in flight, and the latest move follows it', async () => {
  const { sent, outcomes, land } = setUp()
  for (const x of [1, 2, 3]) publisher.publish({ x, y: 0 })
  await passMs(1_000)
  expect(sent.map(({ x }) => x)).toEqual([1])
  await land()
  await land()
  expect(sent.map(({ x }) => x)).toEqual([1, 3])
  expect(outcomes).toEqual([
    ['done', false],
    ['done', true],
  ])
})

test('seq grows with each move, and stays for a repetition', async () => {
  let failures = 1
  const { sent } = setUp(() => (failures-- > 0 ? later() : done()))
  publisher.publish({ x: 1, y: 0 })
  await passMs(5_000)
  publisher.publish({ x: 2, y: 0 })
  await passMs(100)
  const [first, again, second] = sent.map(({ seq }) => seq ?? 0)
  expect(again).toBe(first)
  expect(second).toBeGreaterThan(again ?? 0)
})

test('a move without an answer is repeated with backoff, not before Retry-After', async () => {
  let failures = 2
  const { sent } = setUp(() => (failures-- > 0 ? later(8_000) : done()))
  publisher.publish({ x: 1, y: 0 })
  await passMs(7_999)
  expect(sent).toHaveLength(1)
  publisher.wake()
  await passMs(0)
  expect(sent).toHaveLength(1)
  await passMs(1)
  expect(sent).toHaveLength(2)
  await passMs(8_001)
  expect(sent).toHaveLength(3)
})

test('a server that can be reached again ends the backoff, and a request that is stuck', async () => {
  const { sent, land } = setUp()
  publisher.publish({ x: 1, y: 0 })
  await passMs(6_000)
  publisher.wake()
  await passMs(0)
  publisher.wake()
  await passMs(0)
  expect(sent).toHaveLength(2)
  await land()
  expect(publisher.isIdle).toBe(true)
})

test('a move that is stale at once overtakes the other device; a stale repetition has succeeded before', async () => {
  const aheadMs = 5_000
  const { sent, outcomes } = setUp(({ seq = 0 }) => done(seq <= 1_000_000 + aheadMs))
  publisher.publish({ x: 1, y: 0 })
  await passMs(1_000)
  expect(sent.length).toBeGreaterThan(1)
  expect(outcomes).toEqual([['done', true]])
  const { length } = sent
  publisher.publish({ x: 2, y: 0 })
  await passMs(100)
  expect(sent).toHaveLength(length + 1)
  void publisher.close()
  const repeated = setUp(() => (repeated.sent.length === 1 ? later() : done(true)))
  publisher.publish({ x: 1, y: 0 })
  await passMs(5_000)
  expect(repeated.sent).toHaveLength(2)
})

test('settled resolves with the move it was asked for, also when a later one waits already', async () => {
  const { land } = setUp()
  publisher.publish({ x: 1, y: 0 })
  const first = publisher.settled()
  publisher.publish({ x: 2, y: 0 })
  const second = publisher.settled()
  await land()
  await first
  second.catch(() => {})
  await passMs(50)
  await land(refused)
  await expect(second).rejects.toThrow('No.')
})

test('settled resolves with the latest move, a newer one stands for it, and at once when there is none', async () => {
  const { land } = setUp()
  await publisher.settled()
  for (const x of [1, 2]) publisher.publish({ x, y: 0 })
  let isSettled = false
  void publisher.settled().then(() => {
    isSettled = true
  })
  publisher.publish({ x: 3, y: 0 })
  await land()
  await passMs(50)
  expect(isSettled).toBe(false)
  await land()
  expect(isSettled).toBe(true)
})

test('settled rejects with the refusal of the latest move, until there is another', async () => {
  const { land } = setUp()
  publisher.publish({ x: 1, y: 0 })
  const settled = publisher.settled()
  settled.catch(() => {})
  await land(refused)
  await expect(settled).rejects.toThrow('No.')
  await expect(publisher.settled()).rejects.toThrow('No.')
  publisher.publish({ x: 2, y: 0 })
  await passMs(50)
  const next = publisher.settled()
  await land()
  await next
})

test('closing waits for the request in flight, and sends nothing after it', async () => {
  const { sent, land } = setUp()
  publisher.publish({ x: 1, y: 0 })
  publisher.publish({ x: 2, y: 0 })
  let isClosed = false
  void publisher.close().then(() => {
    isClosed = true
  })
  await passMs(1_000)
  expect(isClosed).toBe(false)
  await land()
  expect(isClosed).toBe(true)
  publisher.publish({ x: 3, y: 0 })
  await passMs(1_000)
  expect(sent).toHaveLength(1)
})
