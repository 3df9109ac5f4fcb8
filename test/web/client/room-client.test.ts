import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { Client, type ClientOptions } from '../../../web/client/room-client.ts'
import type { Location } from '../../../web/wire.ts'
import { EventSource, FakeSource, fakeFetch, problem, snapshot } from './fakes.ts'

const alice = { user: 'alice', name: 'Alice', color: '#e4572e' }
const aliceAt = (x: number, y: number): Location => ({ ...alice, x, y, at: 1 })
const moved = (x: number, y: number) => ({ type: 'location', ...aliceAt(x, y) })

let client: Client | undefined
let nextId = 1

/** A client and a fake server that accepts every request, unless `route` returns another response. */
async function setUp(options: Partial<ClientOptions> = {}, route?: (url: string) => Response | undefined) {
  const published: { user?: string; x: number; y: number }[] = []
  const fetch = fakeFetch((url, init) => {
    if (url.endsWith('/alive')) return new Response(null, { status: 204 })
    if (route) return route(url)
    published.push(JSON.parse(String(init.body)))
    return Response.json({ id: `${nextId++}-0`, user: 'alice' })
  })
  const onChange = jest.fn<(users: ReadonlySet<string>) => void>()
  client = new Client({ room: 'budget', user: 'alice', fetch, EventSource, onChange, ...options })
  await Promise.resolve()
  return { client, published, fetch, onChange }
}

const passMs = (ms: number) => jest.advanceTimersByTimeAsync(ms)
const place = () => {
  const location = client?.where('alice')
  return location && [location.x, location.y]
}

beforeEach(() => {
  FakeSource.opened = []
  nextId = 1
  jest.useFakeTimers({ doNotFake: ['queueMicrotask'] })
})

afterEach(async () => {
  client?.close()
  await passMs(0)
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

test('the constructor throws for an invalid room name', () => {
  for (const room of ['..', '.', 'a/b', '', 'a b']) expect(() => new Client({ room })).toThrow(RangeError)
})

test('the constructor throws and sends nothing if the runtime has no EventSource', () => {
  const fetch = fakeFetch(() => undefined)
  expect(() => new Client({ room: 'budget', where: { x: 1, y: 1 }, fetch })).toThrow(TypeError)
  expect(fetch).not.toHaveBeenCalled()
})

test('no callback is called before the constructor has returned', async () => {
  const seen: unknown[] = []
  const onCallback = () => seen.push(client?.where('alice'))
  const where = { x: 1, y: 1 }
  client = new Client({
    room: 'budget',
    user: 'alice',
    where,
    fetch: fakeFetch(() => undefined),
    EventSource,
    onChange: onCallback,
    onStatus: onCallback,
  })
  expect(seen).toHaveLength(0)
  await passMs(0)
  expect(seen.length).toBeGreaterThan(0)
})

test.each(['onPublished', 'onStatus', 'onChange'] as const)(
  'a client that is closed in %s opens no stream and calls no callback again',
  async name => {
    const close = jest.fn(() => client?.close())
    await setUp({ where: { x: 1, y: 1 }, [name]: close })
    await passMs(0)
    FakeSource.opened.at(-1)?.emit(snapshot(aliceAt(0, 0)), '0-0')
    expect(close).toHaveBeenCalledTimes(1)
    expect(FakeSource.opened.every(({ readyState }) => readyState === 2)).toBe(true)
  },
)

test('when the user id changes, onChange receives the old and the new one', async () => {
  let user = 'alice'
  const { client, onChange } = await setUp({ user: undefined, where: { x: 1, y: 1 } }, () =>
    Response.json({ id: '1-0', user }),
  )
  await passMs(0)
  user = 'bob'
  client.publish({ x: 2, y: 2 })
  await passMs(50)
  expect(onChange.mock.calls.map(([users]) => [...users])).toContainEqual(['alice', 'bob'])
  expect(client.me).toBe('bob')
})

test('a slow request gets the connection of the stream, which then resumes after the last event', async () => {
  const answers: ((answer: Response) => void)[] = []
  const fetch = (() => new Promise(answer => answers.push(answer))) as unknown as typeof globalThis.fetch
  const { client } = await setUp({ fetch })
  const stream = FakeSource.last
  stream.emit(snapshot(), '5-0')
  client.publish({ x: 1, y: 1 })
  await passMs(4_999)
  expect(FakeSource.last).toBe(stream)
  await passMs(1)
  expect(stream.readyState).toBe(2)
  expect(FakeSource.last.url).toMatch(/&lastEventId=5-0$/)
  answers.shift()?.(Response.json({ id: '6-0', user: 'alice' }))
  await passMs(20_000)
  expect(FakeSource.opened).toHaveLength(2)
})

test('the stream opens after the response to the first location, which sets the cookie', async () => {
  const { client, published } = await setUp({ user: undefined, where: { x: 2, y: 2 } })
  expect(FakeSource.opened).toHaveLength(0)
  await passMs(0)
  expect(published).toMatchObject([{ x: 2, y: 2 }])
  expect(published[0]).not.toHaveProperty('user')
  expect(FakeSource.last.url).toBe('/rooms/budget/location/sse?ack=1')
  expect(client.me).toBe('alice')
})

test('the stream opens even if publishing the first location fails', async () => {
  await setUp({ where: { x: 2, y: 2 } }, () => undefined)
  await passMs(0)
  expect(FakeSource.last.url).toBe('/rooms/budget/location/sse?ack=1&user=alice')
})

test('a move is visible at once, and late events of earlier moves do not revert it', async () => {
  const { client } = await setUp()
  FakeSource.last.emit(snapshot(aliceAt(0, 0)), '0-0')
  client.publish({ x: 1, y: 0 })
  expect(place()).toEqual([1, 0])
  await passMs(50)
  client.publish({ x: 2, y: 0 })
  await passMs(50)
  FakeSource.last.emit(moved(1, 0), '1-0')
  expect(place()).toEqual([2, 0])
  FakeSource.last.emit(moved(2, 0), '2-0')
  FakeSource.last.emit(moved(9, 9), '3-0')
  expect(place()).toEqual([9, 9])
})

test('a refused move reverts to the location in the log and reports the reason', async () => {
  const onPublished = jest.fn()
  const { client } = await setUp({ onPublished }, () => problem(403, 'read only'))
  FakeSource.last.emit(snapshot(aliceAt(0, 0)), '0-0')
  client.publish({ x: 5, y: 5 })
  await passMs(0)
  expect(place()).toEqual([0, 0])
  expect(onPublished).toHaveBeenCalledWith({ status: 403, detail: 'read only' })
})

test('the reason of a refused move names the invalid field', async () => {
  const onPublished = jest.fn()
  const errors = [{ path: 'name', message: 'must have 0 to 64 characters' }]
  const { client } = await setUp({ onPublished }, () =>
    Response.json({ detail: 'Not valid.', errors }, { status: 400 }),
  )
  client.publish({ x: 5, y: 5 })
  await passMs(0)
  expect(onPublished).toHaveBeenCalledWith({ status: 400, detail: 'Not valid. name must have 0 to 64 characters' })
})

test.each([404, 405, 408, 502])('a %d is temporary: the client retries the move', async status => {
  let isDown = true
  const { client, fetch } = await setUp({}, () =>
    isDown ? new Response('', { status }) : Response.json({ id: '1-0', user: 'alice' }),
  )
  client.publish({ x: 1, y: 1 })
  await passMs(0)
  isDown = false
  await passMs(1_000)
  expect(fetch).toHaveBeenCalledTimes(2)
})

test('a move that stays stale reverts to the location in the log and reports the reason', async () => {
  const onPublished = jest.fn()
  const { client } = await setUp({ onPublished }, () => Response.json({ id: '1-0', user: 'alice', stale: true }))
  FakeSource.last.emit(snapshot(aliceAt(9, 9)), '1-0')
  client.publish({ x: 5, y: 5 })
  await passMs(5_000)
  expect(place()).toEqual([9, 9])
  expect(onPublished).toHaveBeenLastCalledWith({ status: 200, detail: expect.stringContaining('seq') })
})

test('a move that is answered 429 is retried after Retry-After', async () => {
  let full = true
  const { client, fetch } = await setUp({}, () =>
    full ? problem(429, 'slow down', { 'retry-after': '3' }) : Response.json({ id: '1-0', user: 'alice' }),
  )
  client.publish({ x: 1, y: 1 })
  await passMs(2999)
  expect(fetch).toHaveBeenCalledTimes(1)
  full = false
  await passMs(1)
  expect(fetch).toHaveBeenCalledTimes(2)
  await passMs(60_000)
  expect(fetch).toHaveBeenCalledTimes(2)
})

test('a POST without a response is aborted and retried', async () => {
  let posts = 0
  const fetch = ((_url: string, init: RequestInit) => {
    posts++
    return new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(new Error('aborted'))))
  }) as unknown as typeof globalThis.fetch
  const { client } = await setUp({ fetch })
  client.publish({ x: 1, y: 1 })
  await passMs(12_000)
  expect(posts).toBe(2)
})

test.each([
  ['alice', { user: 'alice' }],
  [undefined, {}],
])('a ping is answered as %s', async (user, body) => {
  const { fetch, onChange } = await setUp({ user })
  FakeSource.last.emit({ type: 'ping' })
  await passMs(0)
  const [url, init] = fetch.mock.calls.at(-1) ?? []
  expect(url).toBe('/rooms/budget/location/alive')
  expect(JSON.parse(String(init?.body))).toEqual(body)
  expect(onChange).not.toHaveBeenCalled()
})

test('the client republishes its location when the log is lost', async () => {
  const { published } = await setUp({ where: { x: 2, y: 2 } })
  await passMs(0)
  FakeSource.last.emit(snapshot(aliceAt(2, 2)), '1-0')
  FakeSource.last.emit({ type: 'snapshot', reason: 'reset', locations: [] }, '0-0')
  await passMs(1000)
  expect(published).toMatchObject([
    { x: 2, y: 2 },
    { x: 2, y: 2 },
  ])
})

test('after its lease expired, the client republishes the location that another tab has set', async () => {
  const { published } = await setUp({ where: { x: 2, y: 2 } })
  await passMs(0)
  FakeSource.last.emit(snapshot(aliceAt(2, 2)), '1-0')
  FakeSource.last.emit(moved(7, 7), '5-0')
  FakeSource.last.emit({ type: 'leave', user: 'alice', reason: 'expired' }, '6-0')
  expect(place()).toBeUndefined()
  await passMs(1000)
  expect(published.at(-1)).toMatchObject({ user: 'alice', x: 7, y: 7 })
})

test('the client does not republish if another tab does so first', async () => {
  const { published } = await setUp({ where: { x: 2, y: 2 } })
  await passMs(0)
  FakeSource.last.emit({ type: 'leave', user: 'alice', reason: 'closed' }, '6-0')
  FakeSource.last.emit(moved(7, 7), '7-0')
  await passMs(1000)
  expect(published).toHaveLength(1)
})

test('after a leave with reason left, the client publishes nothing until the next move', async () => {
  const { client, published } = await setUp({ where: { x: 2, y: 2 } })
  await passMs(0)
  FakeSource.last.emit(snapshot(aliceAt(2, 2)), '1-0')
  FakeSource.last.emit({ type: 'leave', user: 'alice', reason: 'left' }, '2-0')
  await passMs(1000)
  expect(published).toHaveLength(1)
  client.publish({ x: 3, y: 3 })
  await passMs(0)
  expect(published).toHaveLength(2)
})

test('a client without a location publishes nothing', async () => {
  const { client, fetch } = await setUp()
  FakeSource.last.emit(snapshot({ ...aliceAt(1, 1), user: 'bob' }), '1-0')
  await passMs(1000)
  expect(fetch).not.toHaveBeenCalled()
  expect([...client.users()]).toEqual(['bob'])
})
