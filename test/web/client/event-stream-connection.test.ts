import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { EventStreamConnection } from '../../../web/client/event-stream-connection.ts'
import { EventSource, FakeSource, fakeFetch, problem, snapshot } from './fakes.ts'

let follower: EventStreamConnection | undefined

function setUp(route: () => Response | undefined = () => undefined) {
  const onEvent = jest.fn<(event: object, id: string) => void>()
  const onStatus = jest.fn<(status: string, refusal?: object) => void>()
  const fetch = fakeFetch(route)
  follower = new EventStreamConnection({
    url: '/sse?ack=1',
    EventSource,
    fetch,
    credentials: 'same-origin',
    onEvent,
    onStatus,
  })
  const statuses = () => onStatus.mock.calls.map(([status]) => status)
  return { follower, onEvent, onStatus, statuses, fetch }
}

const passMs = (ms: number) => jest.advanceTimersByTimeAsync(ms)

beforeEach(() => {
  FakeSource.opened = []
  jest.useFakeTimers()
  jest.spyOn(Math, 'random').mockReturnValue(0.999)
})

afterEach(() => {
  follower?.close()
  expect(jest.getTimerCount()).toBe(0)
  jest.restoreAllMocks()
  jest.useRealTimers()
})

test('a stream is live with its first event, not with its headers', () => {
  const { follower, statuses } = setUp()
  follower.open()
  expect(FakeSource.last.url).toBe('/sse?ack=1')
  expect(statuses()).toEqual(['connecting'])
  FakeSource.last.say(snapshot(), '5-0')
  expect(statuses()).toEqual(['connecting', 'live'])
})

test('events are handed on with their own id, and an event without one with none', () => {
  const { follower, onEvent } = setUp()
  follower.open()
  FakeSource.last.say(snapshot(), '5-0')
  FakeSource.last.say({ type: 'ping' })
  FakeSource.last.say({ type: 'leave', user: 'bob', reason: 'left' }, '6-0')
  expect(onEvent.mock.calls.map(([, id]) => id)).toEqual(['5-0', '', '6-0'])
})

test('what is no event is passed over', () => {
  const { follower, onEvent } = setUp()
  follower.open()
  for (const junk of ['{', 'null', '7', '{"no":"type"}']) FakeSource.last.say(junk)
  expect(onEvent).not.toHaveBeenCalled()
})

test('a source that pauses is left alone: it comes back by itself', async () => {
  const { follower, statuses, fetch } = setUp()
  follower.open()
  FakeSource.last.say(snapshot(), '5-0')
  FakeSource.last.fail('pause')
  await passMs(20_000)
  expect(FakeSource.opened).toHaveLength(1)
  FakeSource.last.say({ type: 'resumed', missed: 0 })
  expect(statuses()).toEqual(['connecting', 'live', 'reconnecting', 'live'])
  expect(fetch).not.toHaveBeenCalled()
})

test('a source that gave up is opened again after the last event, with pauses that grow', async () => {
  const { follower, statuses } = setUp(() => new Response('bad gateway', { status: 502 }))
  follower.open()
  FakeSource.last.say(snapshot(), '5-0')
  const pausesMs: number[] = []
  for (let failures = 1; failures <= 6; failures++) {
    const at = performance.now()
    FakeSource.last.fail('dead')
    while (FakeSource.opened.length === failures) {
      await passMs(0)
      await jest.advanceTimersToNextTimerAsync()
    }
    pausesMs.push(performance.now() - at)
  }
  expect(FakeSource.last.url).toBe('/sse?ack=1&lastEventId=5-0')
  expect(pausesMs[0]).toBeGreaterThanOrEqual(1000)
  expect(pausesMs).toEqual([...pausesMs].sort((a, b) => a - b))
  expect(pausesMs.at(-1)).toBeLessThanOrEqual(15_000)
  expect(statuses()).toEqual(['connecting', 'live', 'reconnecting'])
  FakeSource.last.say({ type: 'resumed', missed: 0 })
  FakeSource.last.say({ type: 'leave', user: 'bob', reason: 'left' }, '9-0')
  FakeSource.last.fail('dead')
  await passMs(2000)
  expect(FakeSource.last.url).toBe('/sse?ack=1&lastEventId=9-0')
})

test.each([400, 401, 403])('a %d is final, and its detail says why', async status => {
  const { follower, onStatus, fetch } = setUp(() => problem(status, 'not for you'))
  follower.open()
  FakeSource.last.fail('dead')
  await passMs(120_000)
  expect(onStatus).toHaveBeenLastCalledWith('offline', { status, detail: 'not for you' })
  expect(FakeSource.opened).toHaveLength(1)
  expect(fetch).toHaveBeenCalledTimes(1)
  follower.refresh()
  expect(FakeSource.opened).toHaveLength(1)
})

test('a connection that is silent for too long is opened again, one that speaks is not', async () => {
  const { follower, statuses } = setUp()
  follower.open()
  FakeSource.last.say(snapshot(), '5-0')
  for (let pings = 0; pings < 10; pings++) {
    await passMs(30_000)
    FakeSource.last.say({ type: 'ping' })
  }
  expect(FakeSource.opened).toHaveLength(1)
  await passMs(44_000)
  expect(FakeSource.opened).toHaveLength(1)
  await passMs(1000)
  expect(FakeSource.opened).toHaveLength(2)
  expect(FakeSource.opened[0]?.readyState).toBe(2)
  expect(FakeSource.last.url).toBe('/sse?ack=1&lastEventId=5-0')
  expect(statuses()).toEqual(['connecting', 'live', 'reconnecting'])
})

test('another network opens it again at once', async () => {
  const { follower } = setUp(() => new Response('', { status: 502 }))
  follower.open()
  FakeSource.last.say(snapshot(), '5-0')
  FakeSource.last.fail('dead')
  await passMs(0)
  follower.refresh()
  expect(FakeSource.last.url).toBe('/sse?ack=1&lastEventId=5-0')
  await passMs(20_000)
  expect(FakeSource.opened).toHaveLength(2)
})

test('after a close nothing happens any more', async () => {
  const { follower, onStatus } = setUp(() => problem(403, 'no'))
  follower.open()
  FakeSource.last.fail('dead')
  follower.close()
  await passMs(120_000)
  expect(FakeSource.opened).toHaveLength(1)
  expect(onStatus.mock.calls).toEqual([['connecting', undefined]])
})
