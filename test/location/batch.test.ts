/** `POST /rooms/:room/location` with an array: taken whole, or refused whole. */
import { describe, expect, test } from '@jest/globals'
import { expectProblem } from '../support/requests.ts'
import { Room, stores, timeOf, useServer } from '../support/rooms.ts'

describe.each(stores)('a batch, over %s', store => {
  const server = useServer(store)

  test('is answered with an id for each, in its order, and its events come in that order', async () => {
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

  test('may name a user twice: both are events, and the later one stands', async () => {
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

  test('gives for a stale location the id of the one that stands, and publishes the others', async () => {
    const room = new Room(server)
    const stands = await room.put('alice', 1, 1, { seq: 10 })
    const { ids } = (
      await room.post([
        { user: 'alice', x: 9, y: 9, seq: 10 },
        { user: 'bob', x: 2, y: 2, seq: 5 },
        { user: 'bob', x: 9, y: 9, seq: 4 },
      ])
    ).body
    expect(ids).toEqual([stands, expect.any(String), ids?.[1]])
    const who = await room.who()
    expect([who.get('alice')?.x, who.get('bob')?.x]).toEqual([1, 2])
  })

  test('of a thousand, near 1 MiB, is taken and reaches a reader whole', async () => {
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
    ['none', [], ''],
    ['1,001', Array.from({ length: 1001 }, (_, i) => ({ user: `u${i}`, x: 0, y: 0 })), ''],
    [
      'one without a user',
      [
        { user: 'alice', x: 1, y: 1 },
        { x: 1, y: 1 },
      ],
      '1.user',
    ],
    [
      'one without y',
      [
        { user: 'alice', x: 1, y: 1 },
        { user: 'bob', x: 1 },
      ],
      '1.y',
    ],
    [
      'a string for x',
      [
        { user: 'bob', x: '1', y: 1 },
        { user: 'alice', x: 1, y: 1 },
      ],
      '0.x',
    ],
    [
      'a forged name',
      [
        { user: 'alice', x: 1, y: 1 },
        { user: 'bob', x: 1, y: 1, name: 'a\nb' },
      ],
      '1.name',
    ],
    ['a batch in it', [{ user: 'alice', x: 1, y: 1 }, [{ user: 'bob', x: 1, y: 1 }]], '1'],
    ['null in it', [{ user: 'alice', x: 1, y: 1 }, null], '1'],
  ])('of %s is refused whole, and says where', async (_, drafts, path) => {
    const room = new Room(server)
    const answer = await room.post(drafts)
    expectProblem(answer, 400)
    expect(answer.body.errors?.map(error => error.path)).toEqual([path])
    expect((await room.get()).body).toEqual({ room: room.name, lastEventId: '0-0', locations: [] })
  })

  test('of whitespace and then brackets may still be long', async () => {
    const drafts = Array.from({ length: 500 }, (_, i) => ({ user: `u${i}`, x: 0, y: 0, meta: { a: 'x'.repeat(100) } }))
    const text = JSON.stringify(drafts)
    const answer = await new Room(server).send('POST', '', { chunks: ['\r\n \t', text] })
    expect(answer.status).toBe(200)
  })
})
