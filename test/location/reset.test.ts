/** Last event ids that are not in the history: the stream begins with a snapshot and not with an error. */
import { describe, expect, test } from '@jest/globals'
import { Room, stores, useRedis, useServer } from '../support/rooms.ts'

const small = { HISTORY_LENGTH: '10', HISTORY_TTL_MS: '1000', LEAVE_GRACE_MS: '1500' }

describe.each(stores)('with the %s store, a last event id', store => {
  const server = useServer(store, small)

  test.each([
    ['a word', 'latest'],
    ['half an id', '1763690000123'],
    ['another notation of the first id', '00-0'],
    ['an id before the first', '0-1'],
    ['an id from the future', '9999999999999-0'],
    ['a negative number', '-1-0'],
    ['a number above every integer', `${'9'.repeat(40)}-${'9'.repeat(40)}`],
    ['a Redis range', '+'],
    ['text with control characters', 'a\tb\nc\rd\0e'],
    ['a long text', 'x'.repeat(4000)],
    ['an emoji and a number', '🐙-0'],
  ])('that is %s is answered with a reset', async (_, lastEventId) => {
    const room = new Room(server)
    const id = await room.put('alice', 1, 1)
    const stream = await room.follow({ lastEventId })
    expect(stream.status).toBe(200)
    expect(await stream.next()).toMatchObject({ id, type: 'snapshot', reason: 'reset', locations: [{ user: 'alice' }] })
    stream.close()
  })

  test('with an event’s millisecond but no event’s number is answered with a reset', async () => {
    const room = new Room(server)
    const id = await room.put('alice', 1, 1)
    await room.put('alice', 2, 2)
    const stream = await room.follow({}, { 'last-event-id': `${id}5` })
    expect(await stream.next()).toMatchObject({ type: 'snapshot', reason: 'reset' })
    stream.close()
  })

  test('of another room is answered with a reset', async () => {
    const id = await new Room(server).put('alice', 1, 1)
    const stream = await new Room(server).follow({ lastEventId: id })
    expect(await stream.next()).toEqual({ id: '0-0', type: 'snapshot', reason: 'reset', locations: [] })
    stream.close()
  })

  test('that was trimmed from the history is answered with a reset, and one that the history contains resumes', async () => {
    const room = new Room(server)
    const ids = []
    for (let x = 0; x < 45; x++) ids.push(await room.put(`user${x % 3}`, x, 0))
    for (const lastEventId of [ids[0], '0-0']) {
      const stream = await room.follow({}, { 'last-event-id': lastEventId ?? '' })
      expect(await stream.next()).toMatchObject({ id: ids[44], type: 'snapshot', reason: 'reset' })
      expect([...stream.who.values()].map(({ x }) => x).sort()).toEqual([42, 43, 44])
      stream.close()
    }
    const kept = await room.follow({}, { 'last-event-id': ids[35] ?? '' })
    expect(await kept.next()).toMatchObject({ type: 'resumed', missed: 9 })
    for (const id of ids.slice(36)) expect((await kept.next()).id).toBe(id)
    kept.close()
  })

  test('of a room that was idle for longer than HISTORY_TTL_MS is answered with a reset', async () => {
    const [room, clock] = [new Room(server), new Room(server)]
    const id = await room.put('alice', 1, 1)
    await room.leave('alice')
    // The grace period is longer than HISTORY_TTL_MS.
    await waitForGrace(clock)
    const stream = await room.follow({}, { 'last-event-id': id })
    expect(await stream.next()).toMatchObject({ type: 'snapshot', reason: 'reset', locations: [] })
    stream.close()
  })

  test('of an expired history is answered with a reset, even if it was the last and a collaborator is still in the room', async () => {
    const [room, clock] = [new Room(server), new Room(server)]
    await room.put('bob', 1, 1)
    const seen = await room.put('alice', 1, 1)
    await room.leave('bob')
    await waitForGrace(clock)
    const stream = await room.follow({}, { 'last-event-id': seen })
    expect(await stream.next()).toMatchObject({ type: 'snapshot', reason: 'reset', locations: [{ user: 'alice' }] })
    stream.close()
  })

  test('that is unknown resets only its own stream, even in a room whose history has expired', async () => {
    const [room, clock] = [new Room(server), new Room(server)]
    await room.put('alice', 1, 1)
    await waitForGrace(clock)
    const reader = await room.follow()
    await reader.next('snapshot')
    for (const lastEventId of ['5-5', '5-6']) {
      const stream = await room.follow({ lastEventId })
      expect(await stream.next()).toMatchObject({ type: 'snapshot', reason: 'reset' })
      stream.close()
    }
    const id = await room.put('alice', 2, 2)
    await reader.until(() => reader.lastEventId === id)
    expect(reader.seen.map(({ type }) => type)).toEqual(['snapshot', 'location'])
    reader.close()
  })
})

describe('with two instances on one Redis, a room', () => {
  const redis = useRedis()
  const here = useServer(redis, small)
  const there = useServer(redis, small)

  test('with an open stream is not idle: its history is kept even without POSTs', async () => {
    const [room, clock] = [new Room(here), new Room(here)]
    const first = await room.put('alice', 1, 1)
    const second = await room.put('alice', 2, 2)
    const reader = await room.follow()
    await reader.next('snapshot')
    await waitForGrace(clock)
    const stream = await room.at(there).follow({}, { 'last-event-id': first })
    expect(await stream.next()).toMatchObject({ type: 'resumed', missed: 1 })
    expect(await stream.next()).toMatchObject({ type: 'location', id: second })
    stream.close()
    reader.close()
  })
})

/** Resolves once a grace period has passed by the log's clock. */
async function waitForGrace(room: Room): Promise<void> {
  const watcher = await room.follow()
  const stream = await room.follow({ user: 'clock' })
  await room.put('clock', 0, 0)
  await stream.next('location')
  await watcher.next('location')
  stream.close()
  await watcher.until(() => !watcher.who.has('clock'))
  watcher.close()
}
