/** `POST /rooms/:room/location` with an array: the server accepts or refuses the batch as a whole. */
import { describe, expect, test } from '@jest/globals'
import { expectProblem } from '../support/requests.ts'
import { Room, stores, timeOf, useServer } from '../support/rooms.ts'

describe.each(stores)('with the %s store, a batch', store => {
  const server = useServer(store)

  test('is answered with the ids of its events, which arrive in the order of the batch', async () => {
    const room = new Room(server)
    const stream = await room.follow()
    const { status, body } = await room.post([
      { user: 'alice', x: 1, y: 1 },
      { user: 'bob', x: 2, y: 2, name: 'Bob', meta: { a: 1 } },
      { user: 'carol', x: 3, y: 3 },
    ])
    expect({ status, keys: Object.keys(body) }).toEqual({ status: 200, keys: ['ids'] })
    expect(new Set(body.ids).size).toBe(3)
    await stream.next('snapshot')
    for (const [i, user] of ['alice', 'bob', 'carol'].entries())
      expect(await stream.next()).toMatchObject({
        type: 'location',
        id: body.ids?.[i],
        user,
        at: timeOf(body.ids?.[i]),
      })
    expect((await room.get()).body.lastEventId).toBe(body.ids?.[2])
    stream.close()
  })

  test('may contain two locations of one user: both are events, and the second one is current', async () => {
    const room = new Room(server)
    const { ids } = (
      await room.post([
        { user: 'alice', x: 1, y: 1 },
        { user: 'alice', x: 2, y: 2 },
      ])
    ).body
    expect(new Set(ids).size).toBe(2)
    expect((await room.get()).body).toMatchObject({ lastEventId: ids?.[1], locations: [{ user: 'alice', x: 2 }] })
  })

  test('is answered with the current location’s id for each stale location, and the other locations are published', async () => {
    const room = new Room(server)
    const currentId = await room.put('alice', 1, 1, { seq: 10 })
    const { ids } = (
      await room.post([
        { user: 'alice', x: 9, y: 9, seq: 10 },
        { user: 'bob', x: 2, y: 2, seq: 5 },
        { user: 'bob', x: 9, y: 9, seq: 4 },
      ])
    ).body
    expect(ids).toEqual([currentId, expect.any(String), ids?.[1]])
    const who = await room.who()
    expect([who.get('alice')?.x, who.get('bob')?.x]).toEqual([1, 2])
  })

  test('of 1,000 locations and almost 1 MiB is accepted, and a reader receives all of it', async () => {
    const room = new Room(server)
    const stream = await room.follow()
    const drafts = Array.from({ length: 1000 }, (_, i) => ({ user: `u${i}`, x: i, y: 0, meta: { a: 'x'.repeat(950) } }))
    expect(JSON.stringify(drafts).length).toBeGreaterThan(950_000)
    const { ids } = (await room.post(drafts)).body
    expect(ids).toHaveLength(1000)
    await stream.until(() => stream.lastEventId === ids?.at(-1))
    expect(stream.seen.slice(1).map(({ id }) => id)).toEqual(ids)
    expect(stream.who).toEqual(await room.who())
    stream.close()
  })

  test.each([
    ['no location', [], ''],
    ['1,001 locations', Array.from({ length: 1001 }, (_, i) => ({ user: `u${i}`, x: 0, y: 0 })), ''],
    [
      'a location without a user',
      [
        { user: 'alice', x: 1, y: 1 },
        { x: 1, y: 1 },
      ],
      '1.user',
    ],
    [
      'a location without y',
      [
        { user: 'alice', x: 1, y: 1 },
        { user: 'bob', x: 1 },
      ],
      '1.y',
    ],
    [
      'a location with a string for x',
      [
        { user: 'bob', x: '1', y: 1 },
        { user: 'alice', x: 1, y: 1 },
      ],
      '0.x',
    ],
    [
      'a location with a line feed in its name',
      [
        { user: 'alice', x: 1, y: 1 },
        { user: 'bob', x: 1, y: 1, name: 'a\nb' },
      ],
      '1.name',
    ],
    ['another batch', [{ user: 'alice', x: 1, y: 1 }, [{ user: 'bob', x: 1, y: 1 }]], '1'],
    ['null', [{ user: 'alice', x: 1, y: 1 }, null], '1'],
  ])(
    'that contains %s is refused as a whole, and the problem contains the path of the error',
    async (_, drafts, path) => {
      const room = new Room(server)
      const answer = await room.post(drafts)
      expectProblem(answer, 400)
      expect(answer.body.errors?.map(error => error.path)).toEqual([path])
      expect((await room.get()).body).toEqual({ room: room.name, lastEventId: '0-0', locations: [] })
    },
  )

  test('may begin with white space and exceed the limit for a single location', async () => {
    const drafts = Array.from({ length: 500 }, (_, i) => ({ user: `u${i}`, x: 0, y: 0, meta: { a: 'x'.repeat(100) } }))
    const text = JSON.stringify(drafts)
    const answer = await new Room(server).send('POST', '', { chunks: ['\r\n \t', text] })
    expect(answer.status).toBe(200)
  })
})
