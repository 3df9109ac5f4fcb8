/** `DELETE …?when=closed`: a collaborator whose last stream closes leaves at once, without the grace period. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { Room, stores, timeOf, useRedis, useServer } from '../support/rooms.ts'
import type { TestStream } from '../support/streams.ts'

const graceMs = 3_000
const env = { LEAVE_GRACE_MS: `${graceMs}` }
const open: TestStream[] = []

const follow = async (room: Room, user?: string, ack?: string) => {
  const stream = await room.follow({ ...(user && { user }), ...(ack && { ack }) })
  await stream.next('snapshot')
  open.push(stream)
  return stream
}

const endGrace = async (room: Room) => {
  const { status } = await room.send('DELETE', '/alice?when=closed')
  expect(status).toBe(204)
}

/** Returns why Alice left, and whether she left within the grace period after the event `id`. */
const leaveOfAlice = async (watcher: TestStream, id: string) => {
  const { id: leave, reason } = await watcher.next('leave', ({ user }) => user === 'alice')
  return { reason, isAtOnce: timeOf(leave) - timeOf(id) < graceMs }
}

afterEach(() => {
  for (const stream of open.splice(0)) stream.close()
})

describe.each(stores)('with the %s store, when=closed', store => {
  const server = useServer(store, env)

  test.each(['0', '1'])('makes the collaborator leave as soon as the stream closes (ack=%s)', async ack => {
    const room = new Room(server)
    const [watcher, stream] = [await follow(room), await follow(room, 'alice', ack)]
    const id = await room.put('alice', 1, 1)
    await endGrace(room)
    stream.close()
    expect(await leaveOfAlice(watcher, id)).toEqual({ reason: 'closed', isAtOnce: true })
  })

  test('makes the collaborator leave at once if the stream closed before', async () => {
    const room = new Room(server)
    const [watcher, stream] = [await follow(room), await follow(room, 'alice')]
    const id = await room.put('alice', 1, 1)
    stream.close()
    await stream.ended()
    await endGrace(room)
    expect(await leaveOfAlice(watcher, id)).toEqual({ reason: 'closed', isAtOnce: true })
    expect((await room.who()).size).toBe(0)
  })

  test('makes a collaborator without a stream leave at once', async () => {
    const room = new Room(server)
    const watcher = await follow(room)
    const id = await room.put('alice', 1, 1)
    await endGrace(room)
    expect(await leaveOfAlice(watcher, id)).toEqual({ reason: 'closed', isAtOnce: true })
  })

  test('keeps a collaborator with another stream until that stream closes too', async () => {
    const room = new Room(server)
    const [watcher, tab, phone] = [await follow(room), await follow(room, 'alice'), await follow(room, 'alice')]
    const id = await room.put('alice', 1, 1)
    await endGrace(room)
    tab.close()
    await tab.ended()
    await room.put('bob', 1, 1)
    await watcher.next('location', ({ user }) => user === 'bob')
    expect(watcher.seen.filter(({ type }) => type === 'leave')).toEqual([])
    phone.close()
    expect(await leaveOfAlice(watcher, id)).toEqual({ reason: 'closed', isAtOnce: true })
  })

  test('has no effect on a collaborator who is not in the room', async () => {
    const room = new Room(server)
    await endGrace(room)
    expect((await room.get()).body.lastEventId).toBe('0-0')
  })

  test('is the only accepted value: any other is answered 400 with the path "when"', async () => {
    const { status, body } = await new Room(server).send('DELETE', '/alice?when=now')
    expect({ status, path: body.errors?.[0]?.path }).toEqual({ status: 400, path: 'when' })
  })
})

describe('with two instances on one Redis, when=closed', () => {
  const redis = useRedis()
  const [one, two] = [useServer(redis, env), useServer(redis, env)]

  test('takes effect even at an instance that does not have the stream', async () => {
    const room = new Room(one)
    const [watcher, stream] = [await follow(room), await follow(room, 'alice')]
    const id = await room.put('alice', 1, 1)
    await endGrace(room.at(two))
    stream.close()
    expect(await leaveOfAlice(watcher, id)).toEqual({ reason: 'closed', isAtOnce: true })
  })

  test('keeps a collaborator who has a stream at another instance', async () => {
    const room = new Room(one)
    const [watcher, tab, phone] = [await follow(room), await follow(room, 'alice'), await follow(room.at(two), 'alice')]
    const id = await room.put('alice', 1, 1)
    tab.close()
    await tab.ended()
    await endGrace(room)
    phone.close()
    expect(await leaveOfAlice(watcher, id)).toEqual({ reason: 'closed', isAtOnce: true })
  })
})
