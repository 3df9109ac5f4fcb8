/** The snapshot of a large room is split into events that common clients can read. */
import { describe, expect, test } from '@jest/globals'
import { locationFormat } from '../../server/location/location-format.ts'
import { Room, stores, useServer } from '../support/rooms.ts'

const locationsOf = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ user: `user-${i}`, name: `Zoë ${'é'.repeat(20)} ${i}`, x: i, y: 1 }))

describe.each(stores)('with the %s store, a room of 2,000 collaborators', store => {
  const server = useServer(store)

  test('is sent as a snapshot of at most 48 KiB and location events, and only the last event has an id: the head of the log', async () => {
    const room = new Room(server)
    for (const at of [0, 1_000]) await room.post(locationsOf(2_000).slice(at, at + 1_000))
    const { body } = await room.get()
    const stream = await room.follow()
    await stream.until(() => stream.who.size === 2_000 && stream.lastEventId !== '')
    const [snapshot, ...others] = stream.events
    expect(Buffer.byteLength(snapshot?.data ?? '')).toBeLessThanOrEqual(48 * 1024)
    expect(Buffer.byteLength(snapshot?.data ?? '')).toBeGreaterThan(47 * 1024)
    expect(others.slice(0, -1).filter(({ id }) => id !== undefined)).toEqual([])
    expect(others.at(-1)?.id).toBe(body.lastEventId)
    expect(snapshot?.id).toBeUndefined()
    const id = await room.put('user-7', 500, 500)
    expect(await stream.next('location', ({ user, x }) => user === 'user-7' && x === 500)).toMatchObject({ id })
    stream.close()
  })
})

test('a snapshot that just fits is one event', () => {
  const entries = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ id: `${1e12 + i}-1`, key: `${i}`, value: '{"user":"a","x":1,"y":2}' }))
  for (let count = 1_000; count < 1_200; count++) {
    const [first = ''] = locationFormat.snapshot('joined', '5-5', entries(count)).split('\n\n')
    const { length } = Buffer.from(first.replace(/^(id: .*\n)?data: /, ''))
    expect(length).toBeLessThanOrEqual(48 * 1024)
    if (!first.startsWith('id: 5-5\n')) expect(length).toBeGreaterThan(48 * 1024 - 128)
  }
})
