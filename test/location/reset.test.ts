/** Ids that the log does not have: a snapshot, never an error. */
import { describe, expect, test } from '@jest/globals'
import { Room, stores, useRedis, useServer } from '../support/rooms.ts'

const small = { HISTORY_LENGTH: '10', HISTORY_TTL_MS: '1000', LEAVE_GRACE_MS: '1500' }

describe.each(stores)('over %s', store => {
  const server = useServer(store, small)

  test.each([
    ['words', 'latest'],
    ['half an id', '1763690000123'],
    ['a way to write the first id that is not its own', '00-0'],
    ['an id before the first', '0-1'],
    ['an id from the future', '9999999999999-0'],
    ['a negative one', '-1-0'],
    ['a number past every integer', `${'9'.repeat(40)}-${'9'.repeat(40)}`],
    ['a Redis range', '+'],
    ['what could end a line', 'a\tb\nc\rd\0e'],
    ['a long one', 'x'.repeat(4000)],
    ['letters of any script', '🐙-0'],
  ])('a last event id that is %s is answered with a reset', async (_, lastEventId) => {
    const room = new Room(server)
    const id = await room.put('alice', 1, 1)
    const stream = await room.follow({ lastEventId })
    expect(stream.status).toBe(200)
    expect(await stream.next()).toMatchObject({ id, type: 'snapshot', reason: 'reset', locations: [{ user: 'alice' }] })
    stream.close()
  })

  test('an id that no event has, though its millisecond does, is not in the log either', async () => {
    const room = new Room(server)
    const id = await room.put('alice', 1, 1)
    await room.put('alice', 2, 2)
    const stream = await room.follow({}, { 'last-event-id': `${id}5` })
    expect(await stream.next()).toMatchObject({ type: 'snapshot', reason: 'reset' })
    stream.close()
  })

  test('another room’s id is answered with a reset', async () => {
    const id = await new Room(server).put('alice', 1, 1)
    const stream = await new Room(server).follow({ lastEventId: id })
    expect(await stream.next()).toEqual({ id: '0-0', type: 'snapshot', reason: 'reset', locations: [] })
    stream.close()
  })

  test('an id that was trimmed is answered with a reset, one that the log still keeps is not', async () => {
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

  test('an id of a room that was idle for longer than its history is kept is answered with a reset', async () => {
    const [room, clock] = [new Room(server), new Room(server)]
    const id = await room.put('alice', 1, 1)
    await room.leave('alice')
    // The grace is longer than the history is kept.
    await aGrace(clock)
    const stream = await room.follow({}, { 'last-event-id': id })
    expect(await stream.next()).toMatchObject({ type: 'snapshot', reason: 'reset', locations: [] })
    stream.close()
  })

  test('an id of a log that was dropped while someone is still there is answered with a reset, be it the last', async () => {
    const [room, clock] = [new Room(server), new Room(server)]
    await room.put('bob', 1, 1)
    const seen = await room.put('alice', 1, 1)
    await room.leave('bob')
    await aGrace(clock)
    const stream = await room.follow({}, { 'last-event-id': seen })
    expect(await stream.next()).toMatchObject({ type: 'snapshot', reason: 'reset', locations: [{ user: 'alice' }] })
    stream.close()
  })

  test('whoever comes with an unknown id is reset alone, in a room whose log begins anew, too', async () => {
    const [room, clock] = [new Room(server), new Room(server)]
    await room.put('alice', 1, 1)
    await aGrace(clock)
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

describe('with two instances on one Redis', () => {
  const redis = useRedis()
  const here = useServer(redis, small)
  const there = useServer(redis, small)

  test('a room with an open stream is not idle: its log is kept though nothing is posted', async () => {
    const [room, clock] = [new Room(here), new Room(here)]
    const first = await room.put('alice', 1, 1)
    const second = await room.put('alice', 2, 2)
    const reader = await room.follow()
    await reader.next('snapshot')
    await aGrace(clock)
    const stream = await room.at(there).follow({}, { 'last-event-id': first })
    expect(await stream.next()).toMatchObject({ type: 'resumed', missed: 1 })
    expect(await stream.next()).toMatchObject({ type: 'location', id: second })
    stream.close()
    reader.close()
  })
})

/** Resolves once the grace has passed on the log's clock. */
async function aGrace(room: Room): Promise<void> {
  const watcher = await room.follow()
  const stream = await room.follow({ user: 'clock' })
  await room.put('clock', 0, 0)
  await stream.next('location')
  await watcher.next('location')
  stream.close()
  await watcher.until(() => !watcher.who.has('clock'))
  watcher.close()
}
