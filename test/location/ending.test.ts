/** Streams that the server ends or refuses. */
import { describe, expect, test } from '@jest/globals'
import { logged } from '../support/log.ts'
import { Room, stores, useServer } from '../support/rooms.ts'

describe.each(stores)('with the %s store, a stream', store => {
  const aging = useServer(store, { STREAM_AGE_MS: '1000', LEAVE_GRACE_MS: '100' })
  const full = useServer(store, { MAX_STREAMS: '1' })

  test('that reaches its maximum age ends with a new retry line, and its reader resumes', async () => {
    const room = new Room(aging)
    const id = await room.put('alice', 1, 1)
    const stream = await room.follow()
    await stream.ended()
    expect(stream.text).toMatch(/^retry: [123]\d{3}\nid: .*\ndata: .*\n\n(:\n)*retry: [123]\d{3}\n$/)
    const entry = await logged(aging, ({ msg, room: name }) => msg === 'stream closed' && name === room.name)
    expect(entry).toMatchObject({ cause: 'age', durationMs: expect.any(Number) })
    expect(entry.durationMs).toBeGreaterThanOrEqual(780)
    const next = await room.put('alice', 2, 2)
    const again = await room.follow({}, { 'last-event-id': id })
    expect(await again.next()).toMatchObject({ type: 'resumed' })
    await again.until(() => again.lastEventId === next)
    again.close()
  })

  test('has a random maximum age, so that streams that began together do not end together', async () => {
    const room = new Room(aging)
    const streams = await Promise.all(Array.from({ length: 12 }, () => room.follow()))
    await Promise.all(streams.map(stream => stream.ended()))
    const isOurs = ({ msg, room: name }: Record<string, unknown>) => msg === 'stream closed' && name === room.name
    await logged(aging, () => aging.log.filter(isOurs).length === 12)
    const durations = aging.log.filter(isOurs).map(({ durationMs }) => Number(durationMs))
    expect(Math.max(...durations) - Math.min(...durations)).toBeGreaterThan(20)
  })

  test('above MAX_STREAMS gets only a retry line and ends', async () => {
    const room = new Room(full)
    const first = await room.follow()
    await first.next('snapshot')
    for (const where of [room, new Room(full)]) {
      const second = await where.follow({ user: 'alice' })
      await second.ended()
      expect({ status: second.status, type: second.headers.get('content-type') }).toEqual({
        status: 200,
        type: 'text/event-stream',
      })
      expect(second.headers.get('cache-control')).toBe('no-cache, no-transform')
      expect(second.text).toMatch(/^retry: ([3-9]\d{3}|10000)\n$/)
    }
    // The first stream is not affected. Once it closes, another stream is served.
    const id = await room.put('alice', 1, 1)
    expect(await first.next()).toMatchObject({ id })
    first.close()
    await logged(full, ({ msg, room: name }) => msg === 'stream closed' && name === room.name)
    const third = await room.follow()
    expect(await third.next()).toMatchObject({ type: 'snapshot', id })
    third.close()
  })

  test('with an invalid user is refused with a problem and does not count towards MAX_STREAMS', async () => {
    const server = full
    const room = new Room(server)
    for (const query of [{ user: '' }, { user: '.' }, { user: 'a\nb' }, { user: 'a'.repeat(65) }]) {
      const stream = await room.follow(query)
      expect(stream.status).toBe(400)
      expect(stream.headers.get('content-type')).toBe('application/problem+json')
    }
  })
})
