import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { Client, type ClientOptions } from '../../web/client.ts'
import type { Location } from '../../web/wire.ts'
import { EventSource, FakeSource, fakeFetch, problem, snapshot } from './fakes.ts'

const alice = { user: 'alice', name: 'Alice', color: '#e4572e' }
const at = (x: number, y: number): Location => ({ ...alice, x, y, at: 1 })
const moved = (x: number, y: number) => ({ type: 'location', ...at(x, y) })

let client: Client | undefined
let nextId = 1

/** A server that takes everything, unless `route` says otherwise. */
function setUp(options: Partial<ClientOptions> = {}, route?: (url: string) => Response | undefined) {
  const published: { user?: string; x: number; y: number }[] = []
  const fetch = fakeFetch((url, init) => {
    if (url.endsWith('/alive')) return new Response(null, { status: 204 })
    if (route) return route(url)
    published.push(JSON.parse(String(init.body)))
    return Response.json({ id: `${nextId++}-0`, user: 'alice' })
  })
  const onChange = jest.fn<(users: ReadonlySet<string>) => void>()
  client = new Client({ room: 'budget', user: 'alice', fetch, EventSource, onChange, ...options })
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
  jest.useFakeTimers()
})

afterEach(async () => {
  client?.close()
  await passMs(0)
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

test('a room that no URL can carry is refused before anything is sent', () => {
  for (const room of ['..', '.', 'a/b', '', 'a b']) expect(() => new Client({ room })).toThrow(RangeError)
})

test('the first location is answered before the stream opens, for the cookie must be there by then', async () => {
  const { client, published } = setUp({ user: undefined, where: { x: 2, y: 2 } })
  expect(FakeSource.opened).toHaveLength(0)
  await passMs(0)
  expect(published).toMatchObject([{ x: 2, y: 2 }])
  expect(published[0]).not.toHaveProperty('user')
  expect(FakeSource.last.url).toBe('/rooms/budget/location/sse?ack=1')
  expect(client.me).toBe('alice')
})

test('the stream opens too when the first location could not be published', async () => {
  setUp({ where: { x: 2, y: 2 } }, () => undefined)
  await passMs(0)
  expect(FakeSource.last.url).toBe('/rooms/budget/location/sse?ack=1&user=alice')
})

test('a move shows at once, and its own late events do not take it back', async () => {
  const { client } = setUp()
  FakeSource.last.say(snapshot(at(0, 0)), '0-0')
  client.publish({ x: 1, y: 0 })
  expect(place()).toEqual([1, 0])
  await passMs(50)
  client.publish({ x: 2, y: 0 })
  await passMs(50)
  FakeSource.last.say(moved(1, 0), '1-0')
  expect(place()).toEqual([2, 0])
  FakeSource.last.say(moved(2, 0), '2-0')
  FakeSource.last.say(moved(9, 9), '3-0')
  expect(place()).toEqual([9, 9])
})

test('a refused move shows where the log has me, and says why', async () => {
  const onPublished = jest.fn()
  const { client } = setUp({ onPublished }, () => problem(403, 'read only'))
  FakeSource.last.say(snapshot(at(0, 0)), '0-0')
  client.publish({ x: 5, y: 5 })
  await passMs(0)
  expect(place()).toEqual([0, 0])
  expect(onPublished).toHaveBeenCalledWith({ status: 403, detail: 'read only' })
})

test('a move that meets a full server goes again when it was asked to', async () => {
  let full = true
  const { client, fetch } = setUp({}, () =>
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

test('a POST that is never answered is given up, and goes again', async () => {
  let posts = 0
  const fetch = ((_url: string, init: RequestInit) => {
    posts++
    return new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(new Error('aborted'))))
  }) as unknown as typeof globalThis.fetch
  const { client } = setUp({ fetch })
  client.publish({ x: 1, y: 1 })
  await passMs(12_000)
  expect(posts).toBe(2)
})

test.each([
  ['alice', { user: 'alice' }],
  [undefined, {}],
])('a ping is answered as %s', async (user, body) => {
  const { fetch, onChange } = setUp({ user })
  FakeSource.last.say({ type: 'ping' })
  await passMs(0)
  const [url, init] = fetch.mock.calls.at(-1) ?? []
  expect(url).toBe('/rooms/budget/location/alive')
  expect(JSON.parse(String(init?.body))).toEqual(body)
  expect(onChange).not.toHaveBeenCalled()
})

test('a log that was lost gets my location again', async () => {
  const { published } = setUp({ where: { x: 2, y: 2 } })
  await passMs(0)
  FakeSource.last.say(snapshot(at(2, 2)), '1-0')
  FakeSource.last.say({ type: 'snapshot', reason: 'reset', locations: [] }, '0-0')
  await passMs(1000)
  expect(published).toMatchObject([
    { x: 2, y: 2 },
    { x: 2, y: 2 },
  ])
})

test('a lease that ran out while this computer slept is taken again, where another tab had moved me', async () => {
  const { published } = setUp({ where: { x: 2, y: 2 } })
  await passMs(0)
  FakeSource.last.say(snapshot(at(2, 2)), '1-0')
  FakeSource.last.say(moved(7, 7), '5-0')
  FakeSource.last.say({ type: 'leave', user: 'alice', reason: 'expired' }, '6-0')
  expect(place()).toBeUndefined()
  await passMs(1000)
  expect(published.at(-1)).toMatchObject({ user: 'alice', x: 7, y: 7 })
})

test('a leave that is followed by my return needs nothing', async () => {
  const { published } = setUp({ where: { x: 2, y: 2 } })
  await passMs(0)
  FakeSource.last.say({ type: 'leave', user: 'alice', reason: 'closed' }, '6-0')
  FakeSource.last.say(moved(7, 7), '7-0')
  await passMs(1000)
  expect(published).toHaveLength(1)
})

test('who was asked to leave stays away until they move', async () => {
  const { client, published } = setUp({ where: { x: 2, y: 2 } })
  await passMs(0)
  FakeSource.last.say(snapshot(at(2, 2)), '1-0')
  FakeSource.last.say({ type: 'leave', user: 'alice', reason: 'left' }, '2-0')
  await passMs(1000)
  expect(published).toHaveLength(1)
  client.publish({ x: 3, y: 3 })
  await passMs(0)
  expect(published).toHaveLength(2)
})

test('who follows without a location of their own publishes nothing', async () => {
  const { client, fetch } = setUp()
  FakeSource.last.say(snapshot({ ...at(1, 1), user: 'bob' }), '1-0')
  await passMs(1000)
  expect(fetch).not.toHaveBeenCalled()
  expect([...client.users()]).toEqual(['bob'])
})
