/** A room holds a limited number of collaborators. */
import { describe, expect, test } from '@jest/globals'
import { expectProblem } from '../support/requests.ts'
import { Room, stores, useServer } from '../support/rooms.ts'

describe.each(stores)('a full room, over %s', store => {
  const server = useServer(store, { ROOM_SIZE: '2', POST_RATE: '1000' })

  test('refuses one collaborator more and a batch as a whole, and lets those in it move', async () => {
    const room = new Room(server)
    await room.put('alice', 1, 1)
    const batch = await room.post(['bob', 'carol'].map(user => ({ user, x: 1, y: 1 })))
    expectProblem(batch, 403)
    await room.put('bob', 1, 1)
    const refused = await room.post({ user: 'carol', x: 1, y: 1 })
    expectProblem(refused, 403)
    expect(refused.body.detail).toBe('The room is full: it holds at most 2 collaborators.')
    expectProblem(await room.post({ x: 1, y: 1 }), 403)
    await room.put('alice', 2, 2)
    expect([...(await room.who()).keys()].sort()).toEqual(['alice', 'bob'])
    await room.leave('bob')
    await room.put('carol', 1, 1)
    await new Room(server).put('dave', 1, 1)
  })

  test('takes as many of those who come at the same time as there is room for', async () => {
    const room = new Room(server)
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => room.post({ user: `user${i}`, x: 1, y: 1 })))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2)
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(18)
    expect((await room.who()).size).toBe(2)
  })
})
