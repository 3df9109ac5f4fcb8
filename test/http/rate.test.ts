/** `POST_RATE`: the number of location POSTs per second for each collaborator. */
import { describe, expect, test } from '@jest/globals'
import { expectProblem } from '../support/requests.ts'
import { Room, stores, useServer } from '../support/rooms.ts'

describe.each(stores)('with the %s store, a collaborator', store => {
  const server = useServer(store, { POST_RATE: '1' })

  test('above POST_RATE is answered 429, and another collaborator is not', async () => {
    const room = new Room(server)
    const answers = await Promise.all(Array.from({ length: 10 }, (_, x) => room.post({ user: 'alice', x, y: 0 })))
    const refused = answers.filter(({ status }) => status !== 200)
    expect(refused.length).toBeGreaterThan(0)
    for (const answer of refused) {
      expectProblem(answer, 429)
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    }
    expect((await room.post({ user: 'bob', x: 1, y: 1 })).status).toBe(200)
  })

  test('is limited in batches as in single locations', async () => {
    const room = new Room(server)
    const batch = [
      { user: 'alice', x: 1, y: 1 },
      { user: 'bob', x: 1, y: 1 },
    ]
    const statuses = (await Promise.all(Array.from({ length: 10 }, () => room.post(batch)))).map(({ status }) => status)
    expect(statuses).toContain(200)
    expect(statuses).toContain(429)
  })
})
