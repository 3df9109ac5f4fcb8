/** The client library in Node.js, against the real server. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { ColocateError, joinRoom } from '../../../web/client/index.ts'
import { post } from '../../support/client.ts'
import { isClosed, isLive, noLongerSees, sees, until, useRooms } from '../../support/joined.ts'
import { startServer, type TestServer } from '../../support/server.ts'

let server: TestServer
const join = useRooms()

beforeAll(async () => {
  server = await startServer({ LEAVE_GRACE_MS: '3000', HEARTBEAT_MS: '100', LEASE_MS: '600' })
})
afterAll(async () => {
  await server?.stop()
})

const at = (user: string, x: number, y: number, more = {}) => ({
  url: server.url,
  user,
  location: { x, y },
  ...more,
})

test('two clients see each other move, and one sees the other leave within a second', async () => {
  const alice = join('two', at('alice', 0, 0, { name: 'Alice', color: '#123456' }))
  const bob = join('two', at('bob', 1, 1))
  await sees(bob, 'alice', 0)
  await sees(alice, 'bob', 1)
  expect(bob.others).toMatchObject([{ user: 'alice', name: 'Alice', color: '#123456', x: 0, y: 0 }])
  const seen: number[] = []
  bob.on('move', ({ collaborator, previous }) => {
    expect(previous?.user).toBe('alice')
    seen.push(collaborator.x)
  })
  for (let x = 1; x <= 30; x++) alice.move({ x, meta: { editing: true } })
  await alice.settled()
  await sees(bob, 'alice', 30)
  expect(seen.at(-1)).toBe(30)
  const left = new Promise<[string | undefined, number]>(resolve => {
    bob.on('leave', ({ reason }) => resolve([reason, Date.now()]))
  })
  const leftAt = Date.now()
  await alice.leave()
  const [reason, seenAt] = await left
  expect(reason).toBe('closed')
  expect(seenAt - leftAt).toBeLessThan(1_000)
  expect([alice.status, alice.error]).toEqual(['closed', undefined])
})

test('self is where I asked to be at once, keeps what is left out, and then follows the log', async () => {
  const alice = join('self', at('alice', 1, 2, { name: 'Alice', color: '#123456' }))
  expect(alice.self).toMatchObject({ user: 'alice', name: 'Alice', color: '#123456', x: 1, y: 2 })
  alice.move({ x: 5, meta: { to: { x: 7 } } })
  alice.move({ y: 6 })
  expect(alice.self).toMatchObject({ x: 5, y: 6, meta: { to: { x: 7 } } })
  await alice.settled()
  alice.move({ meta: null })
  await alice.settled()
  await isLive(alice)
  await until(alice, 'the log has no meta', () => alice.self?.meta === undefined)
  alice.update({ name: 'Alice B.' })
  await alice.settled()
  await post(server.url, 'self', { user: 'alice', x: 9, y: 9 })
  await until(alice, 'another device moved me', () => alice.self?.x === 9)
  expect(alice.self?.name).toBe('alice')
  alice.move({ y: 1 })
  expect(alice.self).toMatchObject({ x: 9, y: 1, name: 'Alice B.' })
})

test('others and self keep their identity until they change, and listeners are called once', async () => {
  const alice = join('identity', at('alice', 0, 0))
  await alice.settled()
  await isLive(alice)
  await post(server.url, 'identity', { user: 'bob', x: 1, y: 1 })
  await sees(alice, 'bob', 1)
  const { others, self } = alice
  alice.move({ x: 1 })
  await alice.settled()
  await until(alice, 'the log has my move', () => alice.self !== self)
  expect(alice.others).toBe(others)
  let calls = 0
  const { subscribe } = alice
  const end = subscribe(() => calls++)
  const batch = Array.from({ length: 50 }, (_, index) => ({ user: `user-${index}`, x: 1, y: 1 }))
  await fetch(`${server.url}/rooms/identity/location`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(batch),
  })
  await sees(alice, 'user-49', 1)
  expect(calls).toBeLessThan(10)
  expect(alice.others).not.toBe(others)
  expect(alice.others[0]).toBe(others[0])
  end()
  const called = calls
  await post(server.url, 'identity', { user: 'bob', x: 2, y: 1 })
  await sees(alice, 'bob', 2)
  expect(calls).toBe(called)
})

test('nothing is sent when nothing changed', async () => {
  const alice = join('same', at('alice', 1, 1))
  await alice.settled()
  const before = (await post(server.url, 'same', { user: 'bob', x: 0, y: 0 })).id
  alice.move({ x: 1 })
  alice.move({ meta: null })
  alice.update({})
  await alice.settled()
  await isLive(alice)
  expect(alice.self?.at).toBeLessThanOrEqual(Number(before.split('-')[0]))
})

test('a watcher is not in the room until it moves', async () => {
  const alice = join('watch', at('alice', 3, 4))
  const watcher = join('watch', { url: server.url })
  await sees(watcher, 'alice', 3)
  expect(watcher.self).toBeUndefined()
  await isLive(alice)
  expect(alice.others).toEqual([])
  expect(() => watcher.move({ x: 1 })).toThrow(TypeError)
  watcher.move({ x: 1, y: 1 })
  expect(watcher.self).toMatchObject({ user: '', x: 1, y: 1 })
  await watcher.settled()
  await until(watcher, 'the server said who it is', () => watcher.self?.user !== '')
  await sees(alice, watcher.self?.user ?? '', 1)
  expect(alice.others[0]?.name).toMatch(/^Guest /)
  watcher.move({ x: 2 })
  await sees(alice, watcher.self?.user ?? '', 2)
  expect(alice.others).toHaveLength(1)
})

test('a client removed by another one stays as a watcher until it moves', async () => {
  const alice = join('removed', at('alice', 1, 1))
  await alice.settled()
  await isLive(alice)
  await fetch(`${server.url}/rooms/removed/location/alice`, { method: 'DELETE' })
  await until(alice, 'I am gone', () => alice.self === undefined)
  await post(server.url, 'removed', { user: 'bob', x: 1, y: 1 })
  await sees(alice, 'bob', 1)
  expect(alice.self).toBeUndefined()
  // What is left out stays, as it was before.
  alice.move({ x: 7 })
  await alice.settled()
  expect(alice.self).toMatchObject({ x: 7, y: 1 })
})

test('a tab that only watches renames me where another device of mine has me', async () => {
  const first = join('rename', at('alice', 4, 5))
  await first.settled()
  const second = join('rename', { url: server.url, user: 'alice', name: 'Alice B.' })
  await until(second, 'I am here', () => second.self?.x === 4)
  second.update({ color: '#123456' })
  await second.settled()
  await until(first, 'I am renamed', () => first.self?.name === 'Alice B.')
  expect(first.self).toMatchObject({ x: 4, y: 5, color: '#123456' })
})

test('settled resolves although I move on all the time', async () => {
  const alice = join('busy', at('alice', 0, 0))
  let x = 0
  const moving = setInterval(() => alice.move({ x: ++x }), 5)
  try {
    await until(alice, 'I have moved', () => (alice.self?.x ?? 0) > 0)
    await alice.settled()
    await alice.settled()
    expect(x).toBeGreaterThan(0)
  } finally {
    clearInterval(moving)
  }
})

test('another device of mine keeps me in the room when I leave', async () => {
  const bob = join('devices', at('bob', 1, 1))
  const first = join('devices', at('alice', 1, 1))
  const second = join('devices', { url: server.url, user: 'alice' })
  await Promise.all([isLive(first), isLive(second), sees(bob, 'alice', 1)])
  await first.leave()
  second.move({ x: 5 })
  await sees(bob, 'alice', 5)
  await second.leave()
  await noLongerSees(bob, 'alice')
})

test('the answers to 20 pings keep the lease for much longer than it lasts', async () => {
  let answered = 0
  let enough = () => {}
  const reached = new Promise<void>(resolve => {
    enough = resolve
  })
  const counting: typeof globalThis.fetch = async (input, init) => {
    const response = await fetch(input, init)
    if (String(input).endsWith('/alive') && ++answered === 20) enough()
    return response
  }
  const alice = join('pings', at('alice', 1, 1, { fetch: counting }))
  const bob = join('pings', at('bob', 1, 1))
  await sees(bob, 'alice', 1)
  const changes: string[] = []
  bob.on('leave', ({ collaborator }) => changes.push(collaborator.user))
  await reached
  expect(changes).toEqual([])
  expect(alice.status).toBe('live')
})

test('for await reads the changes, and ends with the room', async () => {
  const alice = join('iterate', at('alice', 1, 1))
  await isLive(alice)
  const changes: string[] = []
  const reading = (async () => {
    for await (const { type, collaborator } of alice) changes.push(`${type} ${collaborator.x}`)
  })()
  for (const x of [1, 2, 3]) await post(server.url, 'iterate', { user: 'bob', x, y: 0 })
  await sees(alice, 'bob', 3)
  await alice.leave()
  await reading
  expect(changes).toEqual(['enter 1', 'move 2', 'move 3'])
})

test('a slow reader keeps the last 1,000 changes', async () => {
  const alice = join('bounded', { url: server.url })
  await isLive(alice)
  const iterator = alice[Symbol.asyncIterator]()
  const batch = (x: number) => Array.from({ length: 600 }, (_, index) => ({ user: `user-${index}`, x, y: 0 }))
  for (const x of [1, 2]) {
    await fetch(`${server.url}/rooms/bounded/location`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(batch(x)),
    })
  }
  await sees(alice, 'user-599', 2)
  await alice.leave()
  let count = 0
  while (!(await iterator.next()).done) count++
  expect(count).toBe(1_000)
})

test('a name that no room can have closes the room, without an exception', async () => {
  for (const name of ['..', 'a/b', '', 'x'.repeat(129)]) {
    const room = join(name, at('alice', 1, 1))
    expect(room.status).toBe('connecting')
    await isClosed(room)
    expect(room.error).toMatchObject({ code: 'invalid', detail: expect.stringContaining('room name') })
    await expect(room.settled()).rejects.toThrow(ColocateError)
  }
  const relative = join('fine', { url: '/presence' })
  await isClosed(relative)
  expect(relative.error?.detail).toContain('"url"')
})

test('aborting the signal leaves; await using does, too', async () => {
  const bob = join('ending', at('bob', 1, 1))
  await isLive(bob)
  const ending = new AbortController()
  const alice = join('ending', at('alice', 1, 1, { signal: ending.signal }))
  await sees(bob, 'alice', 1)
  ending.abort()
  await noLongerSees(bob, 'alice')
  expect(alice.status).toBe('closed')
  const carol = joinRoom('ending', at('carol', 1, 1))
  await sees(bob, 'carol', 1)
  await carol[Symbol.asyncDispose]()
  await noLongerSees(bob, 'carol')
  const never = join('ending', at('never', 1, 1, { signal: AbortSignal.abort() }))
  expect(never.status).toBe('closed')
  await never.leave()
})
