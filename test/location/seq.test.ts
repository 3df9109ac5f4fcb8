/** `seq`: a late or repeated POST does not replace a newer location and is not published twice. */
import { describe, expect, test } from '@jest/globals'
import { expectProblem } from '../support/requests.ts'
import { Room, stores, useServer } from '../support/rooms.ts'

describe.each(stores)('with the %s store, a location with a seq', store => {
  const server = useServer(store)

  test.each([
    ['below', 9],
    ['equal to', 10],
    ['far below', -10],
  ])('%s the current seq is answered as stale with the current location’s id, and is not published', async (_, seq) => {
    const room = new Room(server)
    const currentId = await room.put('alice', 1, 1, { seq: 10 })
    const stream = await room.follow()
    const { status, body } = await room.post({ user: 'alice', x: 9, y: 9, seq })
    expect({ status, body }).toEqual({ status: 200, body: { id: currentId, user: 'alice', stale: true } })
    expect((await room.get()).body).toMatchObject({ lastEventId: currentId, locations: [{ x: 1, y: 1 }] })
    const after = await room.put('bob', 0, 0)
    await stream.next('snapshot')
    expect(await stream.next()).toMatchObject({ id: after, user: 'bob' })
    stream.close()
  })

  test('above the current seq is published, up to the largest safe integer', async () => {
    const room = new Room(server)
    const ids = []
    for (const seq of [-1, 0, 1, Date.now(), Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER]) {
      const { body } = await room.post({ user: 'alice', x: 1, y: 1, seq })
      expect(body).toEqual({ id: expect.any(String), user: 'alice' })
      ids.push(body.id)
    }
    expect(new Set(ids).size).toBe(6)
    expect((await room.post({ user: 'alice', x: 1, y: 1, seq: Number.MAX_SAFE_INTEGER - 1 })).body.stale).toBe(true)
  })

  test('is compared only with locations of the same collaborator in the same room', async () => {
    const [here, there] = [new Room(server), new Room(server)]
    await here.put('alice', 1, 1, { seq: 10 })
    expect((await here.post({ user: 'bob', x: 2, y: 2, seq: 1 })).body.stale).toBeUndefined()
    expect((await there.post({ user: 'alice', x: 2, y: 2, seq: 1 })).body.stale).toBeUndefined()
  })

  test('may have a lower one after its collaborator has left', async () => {
    const room = new Room(server)
    await room.put('alice', 1, 1, { seq: 10 })
    await room.leave('alice')
    expect((await room.post({ user: 'alice', x: 2, y: 2, seq: 1 })).body).toEqual({
      id: expect.any(String),
      user: 'alice',
    })
    expect((await room.who()).get('alice')?.x).toBe(2)
  })

  test('has the highest one after many concurrent POSTs, and the stale ones are not published', async () => {
    const room = new Room(server)
    const seqs = Array.from({ length: 40 }, (_, i) => (i * 17) % 40)
    const answers = await Promise.all(seqs.map(seq => room.post({ user: 'alice', x: seq, y: 0, seq })))
    const published = answers.filter(({ body }) => !body.stale)
    expect(new Set(published.map(({ body }) => body.id)).size).toBe(published.length)
    expect((await room.who()).get('alice')?.x).toBe(39)
    const stream = await room.follow({ lastEventId: '0-0' })
    expect(await stream.next()).toMatchObject({ type: 'resumed', missed: published.length })
    stream.close()
  })

  test.each([1.5, '1', null, 2 ** 53, 1e300, true])('of %p is refused', async seq => {
    const room = new Room(server)
    const answer = await room.post({ user: 'alice', x: 1, y: 1, seq })
    expectProblem(answer, 400)
    expect(answer.body.errors?.map(({ path }) => path)).toEqual(['seq'])
    expect((await room.who()).size).toBe(0)
  })
})
