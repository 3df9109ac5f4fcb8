/** Collaborators that post without a user: the server identifies them by the cookie `colocate_user`. */
import { describe, expect, test } from '@jest/globals'
import type { Answer } from '../support/requests.ts'
import { Room, stores, useServer } from '../support/rooms.ts'

const cookieOf = (answer: Answer) => answer.headers['set-cookie']?.[0]?.split(';')[0] ?? ''

describe.each(stores)('with the %s store, an anonymous collaborator', store => {
  const server = useServer(store, { LEAVE_GRACE_MS: '100' })

  test('gets a random id in a cookie with HttpOnly and SameSite=Lax', async () => {
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

  test('keeps its id in every room of one browser, and has another id in another browser', async () => {
    const [room, next] = [new Room(server), new Room(server)]
    const first = await room.post({ x: 1, y: 1 })
    const again = await room.post({ x: 2, y: 2 }, { cookie: `a=b; ${cookieOf(first)}; c=d` })
    const elsewhere = await next.post({ x: 2, y: 2 }, { cookie: cookieOf(first) })
    const other = await room.post({ x: 3, y: 3 })
    expect([again.body.user, elsewhere.body.user]).toEqual([first.body.user, first.body.user])
    expect(other.body.user).not.toBe(first.body.user)
    expect((await room.who()).size).toBe(2)
  })

  test('may choose a name', async () => {
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
  ])('gets a new id if the cookie is not valid: %s', async cookie => {
    const answer = await new Room(server).post({ x: 1, y: 1 }, { cookie: Buffer.from(cookie).toString('latin1') })
    expect(answer.status).toBe(200)
    expect(answer.body.user).toMatch(/^[\w-]{21}$/)
    expect(answer.body.user).not.toMatch(/^a+$/)
    expect(cookieOf(answer)).toBe(`colocate_user=${answer.body.user}`)
  })

  test('is the only one that gets a cookie: a POST with a user sets none', async () => {
    const { headers } = await new Room(server).post({ user: 'alice', x: 1, y: 1 })
    expect(headers['set-cookie']).toBeUndefined()
  })

  test('gets no cookie if its location is refused', async () => {
    const { status, headers } = await new Room(server).post({ x: 1 })
    expect({ status, cookie: headers['set-cookie'] }).toEqual({ status: 400, cookie: undefined })
  })

  test('leaves when its stream with the same cookie closes', async () => {
    const room = new Room(server)
    const watcher = await room.follow()
    const first = await room.post({ x: 1, y: 1 })
    const stream = await room.follow({}, { cookie: cookieOf(first) })
    await stream.next('snapshot')
    stream.close()
    expect(await watcher.next('leave')).toMatchObject({ user: first.body.user, reason: 'closed' })
    watcher.close()
  })

  test('may post to /alive with only the cookie, and is refused without it', async () => {
    const room = new Room(server)
    const first = await room.post({ x: 1, y: 1 })
    expect((await room.alive({}, { cookie: cookieOf(first) })).status).toBe(204)
    expect((await room.alive({})).status).toBe(400)
  })
})
