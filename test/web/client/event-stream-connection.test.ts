import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { EventStreamConnection } from '../../../web/client/event-stream-connection.ts'
import { EventSource, FakeSource, fakeFetch, problem, snapshot } from './fakes.ts'

let connection: EventStreamConnection | undefined

function setUp(route: () => Response | undefined = () => undefined) {
  const onEvent = jest.fn<(event: object, id: string) => void>()
  const onStatus = jest.fn<(status: string, refusal?: object) => void>()
  const fetch = fakeFetch(route)
  connection = new EventStreamConnection({
    url: '/sse?ack=1',
    EventSource,
    fetch,
    credentials: 'same-origin',
    onEvent,
    onStatus,
  })
  const statuses = () => onStatus.mock.calls.map(([status]) => status)
  return { connection, onEvent, onStatus, statuses, fetch }
}

const passMs = (ms: number) => jest.advanceTimersByTimeAsync(ms)

beforeEach(() => {
  FakeSource.opened = []
  jest.useFakeTimers()
  jest.spyOn(Math, 'random').mockReturnValue(0.999)
})

afterEach(() => {
  connection?.close()
  expect(jest.getTimerCount()).toBe(0)
  jest.restoreAllMocks()
  jest.useRealTimers()
})

test('a stream is live after its first event, not after its headers', () => {
  const { connection, statuses } = setUp()
  connection.open()
  expect(FakeSource.last.url).toBe('/sse?ack=1')
  expect(statuses()).toEqual(['connecting'])
  FakeSource.last.emit(snapshot(), '5-0')
  expect(statuses()).toEqual(['connecting', 'live'])
})

test('onEvent receives each event with its own id, and an event without an id with an empty one', () => {
  const { connection, onEvent } = setUp()
  connection.open()
  FakeSource.last.emit(snapshot(), '5-0')
  FakeSource.last.emit({ type: 'ping' })
  FakeSource.last.emit({ type: 'leave', user: 'bob', reason: 'left' }, '6-0')
  expect(onEvent.mock.calls.map(([, id]) => id)).toEqual(['5-0', '', '6-0'])
})

test('data that is not an event is ignored', () => {
  const { connection, onEvent } = setUp()
  connection.open()
  for (const data of ['{', 'null', '7', '{"no":"type"}']) FakeSource.last.emit(data)
  expect(onEvent).not.toHaveBeenCalled()
})

test('a source that reconnects by itself is not replaced', async () => {
  const { connection, statuses, fetch } = setUp()
  connection.open()
  FakeSource.last.emit(snapshot(), '5-0')
  FakeSource.last.fail('reconnecting')
  await passMs(20_000)
  expect(FakeSource.opened).toHaveLength(1)
  FakeSource.last.emit({ type: 'resumed', missed: 0 })
  expect(statuses()).toEqual(['connecting', 'live', 'reconnecting', 'live'])
  expect(fetch).not.toHaveBeenCalled()
})

test('a closed source is replaced after growing delays and resumes after the last event', async () => {
  const { connection, statuses } = setUp(() => new Response('bad gateway', { status: 502 }))
  connection.open()
  FakeSource.last.emit(snapshot(), '5-0')
  const pausesMs: number[] = []
  for (let failures = 1; failures <= 6; failures++) {
    const at = performance.now()
    FakeSource.last.fail('closed')
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
  FakeSource.last.emit({ type: 'resumed', missed: 0 })
  FakeSource.last.emit({ type: 'leave', user: 'bob', reason: 'left' }, '9-0')
  FakeSource.last.fail('closed')
  await passMs(2000)
  expect(FakeSource.last.url).toBe('/sse?ack=1&lastEventId=9-0')
})

test.each([400, 401, 403])('a %d is final, and onStatus receives its detail', async status => {
  const { connection, onStatus, fetch } = setUp(() => problem(status, 'you may not read this room'))
  connection.open()
  FakeSource.last.fail('closed')
  await passMs(120_000)
  expect(onStatus).toHaveBeenLastCalledWith('offline', { status, detail: 'you may not read this room' })
  expect(FakeSource.opened).toHaveLength(1)
  expect(fetch).toHaveBeenCalledTimes(1)
  connection.refresh()
  expect(FakeSource.opened).toHaveLength(1)
})

test('a silent connection is replaced after 45 seconds, and one with pings is not', async () => {
  const { connection, statuses } = setUp()
  connection.open()
  FakeSource.last.emit(snapshot(), '5-0')
  for (let pings = 0; pings < 10; pings++) {
    await passMs(30_000)
    FakeSource.last.emit({ type: 'ping' })
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

test('refresh replaces the source at once', async () => {
  const { connection } = setUp(() => new Response('', { status: 502 }))
  connection.open()
  FakeSource.last.emit(snapshot(), '5-0')
  FakeSource.last.fail('closed')
  await passMs(0)
  connection.refresh()
  expect(FakeSource.last.url).toBe('/sse?ack=1&lastEventId=5-0')
  await passMs(20_000)
  expect(FakeSource.opened).toHaveLength(2)
})

test('a closed connection opens nothing and reports nothing', async () => {
  const { connection, onStatus } = setUp(() => problem(403, 'no'))
  connection.open()
  FakeSource.last.fail('closed')
  connection.close()
  await passMs(120_000)
  expect(FakeSource.opened).toHaveLength(1)
  expect(onStatus.mock.calls).toEqual([['connecting', undefined]])
})
