/** A collaborator who does not say who it is: the cookie `colocate_user`. */
import { describe, expect, test } from '@jest/globals'
import type { Answer } from '../support/requests.ts'
import { Room, stores, useServer } from '../support/rooms.ts'

const cookieOf = (answer: Answer) => answer.headers['set-cookie']?.[0]?.split(';')[0] ?? ''

describe.each(stores)('an anonymous collaborator, over %s', store => {
  const server = useServer(store, { LEAVE_GRACE_MS: '100' })

  test('is drawn an id, kept in a cookie that no script reads and no other site’s form sends', async () => {
    const room = new Room(server)
    const answer = await room.post({ x: 2, y: 2 })
    expect(answer.body).toEqual({ id: expect.any(String), user: expect.stringMatching(/^[\w-]{21}$/) })
    expect(answer.headers['set-cookie']).toHaveLength(1)
    const [pair, ...attributes] = answer.headers['set-cookie']?.[0]?.split('; ') ?? []
    expect(pair).toBe(`colocate_user=${answer.body.user}`)
    expect(attributes).toEqual(expect.arrayContaining(['Path=/', 'HttpOnly', 'SameSite=Lax']))
    expect((await room.who()).get(answer.body.user ?? '')).toMatchObject({
      name: expect.stringMatching(/^Guest\b.{1,12}$/),
      color: expect.stringMatching(/^#[0-9a-f]{6}$/),
    })
  })

  test('stays the same in the same browser, in every room, and is another one in another', async () => {
    const [room, next] = [new Room(server), new Room(server)]
    const first = await room.post({ x: 1, y: 1 })
    const again = await room.post({ x: 2, y: 2 }, { cookie: `a=b; ${cookieOf(first)}; c=d` })
    const elsewhere = await next.post({ x: 2, y: 2 }, { cookie: cookieOf(first) })
    const other = await room.post({ x: 3, y: 3 })
    expect([again.body.user, elsewhere.body.user]).toEqual([first.body.user, first.body.user])
    expect(other.body.user).not.toBe(first.body.user)
    expect((await room.who()).size).toBe(2)
  })

  test('has the name that it gives itself', async () => {
    const room = new Room(server)
    const { user = '' } = (await room.post({ x: 1, y: 1, name: 'Ann' })).body
    expect((await room.who()).get(user)?.name).toBe('Ann')
  })

  test.each([
    'colocate_user=',
    'colocate_user=admin',
    `colocate_user=${'a'.repeat(22)}`,
    `colocate_user=${'a'.repeat(10)}%0A${'a'.repeat(8)}`,
    `colocate_user="${'a'.repeat(19)}"`,
    `colocate_user=../../../${'a'.repeat(12)}`,
    `other_colocate_user=${'a'.repeat(21)}`,
    `colocate_user=${'a'.repeat(20)}é`,
  ])('is not whoever a forged cookie says: %s', async cookie => {
    const answer = await new Room(server).post({ x: 1, y: 1 }, { cookie: Buffer.from(cookie).toString('latin1') })
    expect(answer.status).toBe(200)
    expect(answer.body.user).toMatch(/^[\w-]{21}$/)
    expect(answer.body.user).not.toMatch(/^a+$/)
    expect(cookieOf(answer)).toBe(`colocate_user=${answer.body.user}`)
  })

  test('is nobody’s concern to a collaborator with a name: no cookie is set', async () => {
    const { headers } = await new Room(server).post({ user: 'alice', x: 1, y: 1 })
    expect(headers['set-cookie']).toBeUndefined()
  })

  test('is given no cookie by a location that was refused', async () => {
    const { status, headers } = await new Room(server).post({ x: 1 })
    expect({ status, cookie: headers['set-cookie'] }).toEqual({ status: 400, cookie: undefined })
  })

  test('holds its place with a stream that carries the cookie, and leaves with it', async () => {
    const room = new Room(server)
    const watcher = await room.follow()
    const first = await room.post({ x: 1, y: 1 })
    const stream = await room.follow({}, { cookie: cookieOf(first) })
    await stream.next('snapshot')
    stream.close()
    expect(await watcher.next('leave')).toMatchObject({ user: first.body.user, reason: 'closed' })
    watcher.close()
  })

  test('gives a sign of life with the cookie alone; without one nobody is meant', async () => {
    const room = new Room(server)
    const first = await room.post({ x: 1, y: 1 })
    expect((await room.alive({}, { cookie: cookieOf(first) })).status).toBe(204)
    expect((await room.alive({})).status).toBe(400)
  })
})
