/** Leave events: when a collaborator leaves and why, and that each leave is announced once. */
import { once } from 'node:events'
import { describe, expect, test } from '@jest/globals'
import { Room, stores, timeOf, useRedis, useServer } from '../support/rooms.ts'
import { startServer } from '../support/server.ts'
import type { TestStream } from '../support/streams.ts'

const graceMs = 800
const leaseMs = 1_500
const quick = { LEAVE_GRACE_MS: `${graceMs}`, LEASE_MS: `${leaseMs}` }

const leavesOf = (stream: TestStream, user: string) =>
  stream.seen.filter(event => event.type === 'leave' && event.user === user)

/** Publishes an event and resolves once the watcher receives it. All events before it have arrived by then. */
async function waitForEarlierEvents(room: Room, watcher: TestStream): Promise<void> {
  const id = await room.put('later', 0, 0)
  await watcher.until(() => watcher.events.some(event => event.id === id))
}

describe.each(stores)('with the %s store, a collaborator', store => {
  const server = useServer(store, quick)

  test.concurrent('whose only stream closes leaves once, after the grace period, with the reason "closed"', async () => {
    const room = new Room(server)
    const [watcher, stream] = [await room.follow(), await room.follow({ user: 'alice' })]
    const id = await room.put('alice', 1, 1)
    await stream.next('location')
    stream.close()
    const leave = await watcher.next('leave')
    expect(leave).toEqual({ id: leave.id, type: 'leave', user: 'alice', reason: 'closed' })
    expect(timeOf(leave.id) - timeOf(id)).toBeGreaterThanOrEqual(graceMs)
    expect((await room.who()).has('alice')).toBe(false)
    await waitForEarlierEvents(room, watcher)
    expect(leavesOf(watcher, 'alice')).toHaveLength(1)
    watcher.close()
  })

  test.concurrent('who reconnects within the grace period does not leave', async () => {
    const room = new Room(server)
    const watcher = await room.follow()
    let alice = await room.follow({ user: 'alice' })
    const bob = await room.follow({ user: 'bob' })
    await room.put('alice', 1, 1)
    await room.put('bob', 2, 2)
    await bob.next('location', ({ user }) => user === 'bob')
    for (let times = 0; times < 3; times++) {
      const { lastEventId } = alice
      alice.close()
      alice = await room.follow({ user: 'alice' }, { 'last-event-id': lastEventId })
    }
    // A leave after one of Alice's closings would be announced before Bob's.
    bob.close()
    expect(await watcher.next('leave')).toMatchObject({ user: 'bob', reason: 'closed' })
    await waitForEarlierEvents(room, watcher)
    expect(leavesOf(watcher, 'alice')).toEqual([])
    alice.close()
    expect(await watcher.next('leave')).toMatchObject({ user: 'alice', reason: 'closed' })
    watcher.close()
  })

  test.concurrent('with two streams does not leave until both are closed', async () => {
    const room = new Room(server)
    const [watcher, one, other] = [
      await room.follow(),
      await room.follow({ user: 'alice' }),
      await room.follow({ user: 'alice' }),
    ]
    const bob = await room.follow({ user: 'bob' })
    await room.put('alice', 1, 1)
    await room.put('bob', 1, 1)
    await bob.next('location')
    one.close()
    bob.close()
    expect(await watcher.next('leave')).toMatchObject({ user: 'bob', reason: 'closed' })
    expect((await room.who()).has('alice')).toBe(true)
    other.close()
    expect(await watcher.next('leave')).toMatchObject({ user: 'alice', reason: 'closed' })
    watcher.close()
  })

  test.concurrent('who only posts leaves once, one lease after the last POST, with the reason "expired"', async () => {
    const room = new Room(server)
    const watcher = await room.follow()
    await room.put('service', 1, 1)
    const last = await room.put('service', 2, 2)
    const leave = await watcher.next('leave')
    expect(leave).toEqual({ id: leave.id, type: 'leave', user: 'service', reason: 'expired' })
    expect(timeOf(leave.id) - timeOf(last)).toBeGreaterThanOrEqual(leaseMs)
    await waitForEarlierEvents(room, watcher)
    expect(leavesOf(watcher, 'service')).toHaveLength(1)
    watcher.close()
  })

  test.concurrent('who expires in a room without readers is not listed any more, and the history contains the leave', async () => {
    const [room, clock] = [new Room(server), new Room(server)]
    const id = await room.put('service', 1, 1)
    const watcher = await clock.follow()
    await clock.put('service', 1, 1)
    await watcher.next('leave')
    watcher.close()
    expect((await room.who()).size).toBe(0)
    const stream = await room.follow({}, { 'last-event-id': id })
    expect(await stream.next()).toMatchObject({ type: 'resumed', missed: 1 })
    expect(await stream.next()).toMatchObject({ type: 'leave', user: 'service', reason: 'expired' })
    stream.close()
  })

  test.concurrent('who leaves by DELETE with an open stream may post again, and leaves when the stream closes', async () => {
    const room = new Room(server)
    const [watcher, stream] = [await room.follow(), await room.follow({ user: 'alice' })]
    await room.put('alice', 1, 1)
    await room.leave('alice')
    const id = await room.put('alice', 2, 2)
    expect(await watcher.next('leave')).toMatchObject({ user: 'alice', reason: 'left' })
    expect(await watcher.next('location')).toMatchObject({ id, x: 2 })
    await stream.until(() => stream.lastEventId === id)
    stream.close()
    expect(await watcher.next('leave')).toMatchObject({ user: 'alice', reason: 'closed' })
    await waitForEarlierEvents(room, watcher)
    expect(leavesOf(watcher, 'alice')).toHaveLength(2)
    watcher.close()
  })

  test.concurrent('who leaves by DELETE does not leave a second time when the stream closes', async () => {
    const room = new Room(server)
    const [watcher, stream] = [await room.follow(), await room.follow({ user: 'alice' })]
    const bob = await room.follow({ user: 'bob' })
    await room.put('alice', 1, 1)
    await room.put('bob', 1, 1)
    await room.leave('alice')
    await bob.next('leave')
    stream.close()
    bob.close()
    await watcher.next('leave', ({ user }) => user === 'bob')
    await waitForEarlierEvents(room, watcher)
    expect(leavesOf(watcher, 'alice')).toMatchObject([{ reason: 'left' }])
    watcher.close()
  })

  test.concurrent('who only reads is not announced', async () => {
    const room = new Room(server)
    const [watcher, reader, bob] = [
      await room.follow(),
      await room.follow({ user: 'alice' }),
      await room.follow({ user: 'bob' }),
    ]
    await room.put('bob', 1, 1)
    await bob.next('location')
    reader.close()
    bob.close()
    expect(await watcher.next('leave')).toMatchObject({ user: 'bob' })
    await waitForEarlierEvents(room, watcher)
    expect(watcher.seen.map(event => ('user' in event ? event.user : ''))).not.toContain('alice')
    watcher.close()
  })
})

describe('with two instances on one Redis, a collaborator', () => {
  const redis = useRedis()
  const here = useServer(redis, quick)
  const there = useServer(redis, quick)

  test.concurrent('with a stream at each leaves once for every reader, after both are closed', async () => {
    const room = new Room(here)
    const watchers = [await room.follow(), await room.at(there).follow()]
    const streams = [await room.follow({ user: 'alice' }), await room.at(there).follow({ user: 'alice' })]
    const bob = await room.follow({ user: 'bob' })
    await room.put('alice', 1, 1)
    await room.put('bob', 1, 1)
    for (const stream of [...streams, bob]) await stream.next('location', ({ user }) => user === 'bob')
    streams[0]?.close()
    bob.close()
    for (const watcher of watchers) expect(await watcher.next('leave')).toMatchObject({ user: 'bob' })
    streams[1]?.close()
    for (const watcher of watchers) {
      expect(await watcher.next('leave')).toMatchObject({ user: 'alice', reason: 'closed' })
      await waitForEarlierEvents(room, watcher)
      expect(leavesOf(watcher, 'alice')).toHaveLength(1)
      watcher.close()
    }
  })

  test.concurrent('who reconnects to the other instance does not leave', async () => {
    const room = new Room(here)
    const watcher = await room.follow()
    const [alice, bob] = [await room.follow({ user: 'alice' }), await room.follow({ user: 'bob' })]
    await room.put('alice', 1, 1)
    await room.put('bob', 1, 1)
    await bob.next('location', ({ user }) => user === 'bob')
    alice.close()
    const back = await room.at(there).follow({ user: 'alice' }, { 'last-event-id': alice.lastEventId })
    bob.close()
    expect(await watcher.next('leave')).toMatchObject({ user: 'bob', reason: 'closed' })
    await waitForEarlierEvents(room, watcher)
    expect(leavesOf(watcher, 'alice')).toEqual([])
    back.close()
    watcher.close()
  })

  test.concurrent('whose instance is killed leaves once for every reader, with the reason "expired"', async () => {
    const dying = await startServer({ ...quick, REDIS_URL: redis.url })
    const room = new Room(there)
    const watchers = [await room.follow(), await room.at(here).follow()]
    const stream = await openAt(dying, room)
    await room.put('alice', 1, 1)
    await stream.next('location')
    const exited = once(dying.child, 'exit')
    dying.child.kill('SIGKILL')
    await exited
    for (const watcher of watchers) {
      expect(await watcher.next('leave')).toMatchObject({ user: 'alice', reason: 'expired' })
      await waitForEarlierEvents(room, watcher)
      expect(leavesOf(watcher, 'alice')).toHaveLength(1)
      watcher.close()
    }
  })
})

async function openAt(server: Awaited<ReturnType<typeof startServer>>, room: Room): Promise<TestStream> {
  for (;;) {
    const stream = await room.at(server).follow({ user: 'alice' })
    // The instance may not be connected to Redis yet.
    if (await stream.next('snapshot').catch(() => undefined)) return stream
  }
}
