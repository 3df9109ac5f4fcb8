/** Rooms: their names, their lists, and leaving them. */
import { describe, expect, test } from '@jest/globals'
import { nanoid } from 'nanoid'
import { expectProblem, send } from '../support/requests.ts'
import { Room, stores, timeOf, useServer } from '../support/rooms.ts'

describe.each(stores)('with the %s store, a room', store => {
  const server = useServer(store)

  test('without events has an empty list and the last event id 0-0', async () => {
    const room = new Room(server)
    const { status, headers, body } = await room.get()
    expect({ status, body }).toEqual({ status: 200, body: { room: room.name, lastEventId: '0-0', locations: [] } })
    expect(headers['content-type']).toMatch(/^application\/json\b/)
  })

  test('lists each collaborator once with the current location, and the id of its last event', async () => {
    const room = new Room(server)
    await room.put('alice', 1, 1)
    const bob = await room.put('bob', 2, 2)
    const alice = await room.put('alice', 3, 3)
    const { lastEventId, locations } = (await room.get()).body
    expect(lastEventId).toBe(alice)
    expect(locations?.sort((a, b) => a.x - b.x)).toMatchObject([
      { user: 'bob', x: 2, at: timeOf(bob) },
      { user: 'alice', x: 3, at: timeOf(alice) },
    ])
  })

  test('is left by DELETE, which is announced once and answered 204 even if the collaborator was not there', async () => {
    const room = new Room(server)
    await room.put('alice', 1, 1)
    await room.put('bob', 2, 2)
    const stream = await room.follow()
    for (const user of ['alice', 'alice', 'absent']) {
      const { status, text } = await room.leave(user)
      expect({ status, text }).toEqual({ status: 204, text: '' })
    }
    expect([...(await room.who()).keys()]).toEqual(['bob'])
    await room.put('bob', 3, 3)
    expect([await stream.next(), await stream.next(), await stream.next()]).toMatchObject([
      { type: 'snapshot' },
      { type: 'leave', user: 'alice', reason: 'left', id: expect.stringMatching(/^\d+-\d+$/) },
      { type: 'location', user: 'bob' },
    ])
    expect(stream.seen[1]).toEqual({ id: stream.events[1]?.id, type: 'leave', user: 'alice', reason: 'left' })
    stream.close()
  })

  test.each(['sse', 'alive', 'location', 'a/b', '%2e', 'ü'])('is left by a user named %s', async user => {
    const room = new Room(server)
    await room.put(user, 1, 1)
    expect((await room.leave(user)).status).toBe(204)
    expect((await room.who()).size).toBe(0)
  })

  test.each(['%0A', 'a%00b', '%C2%85', 'a'.repeat(65), '%2E', '%2e%2e', '%ff', '%zz'])(
    'cannot be left by the invalid user %s',
    async user => {
      expectProblem(await new Room(server).send('DELETE', `/${user}`), 400)
    },
  )

  test.each(['a', '...', '-', '~', 'a'.repeat(128), 'AZaz09._~:-'])('may be named %s', async name => {
    const room = new Room(server, name)
    const user = nanoid()
    const id = await room.put(user, 1, 1)
    expect((await room.get()).body).toMatchObject({ room: name, lastEventId: id })
    const stream = await room.follow()
    expect(await stream.next()).toMatchObject({ type: 'snapshot', id })
    stream.close()
    expect((await room.leave(user)).status).toBe(204)
  })

  test.each([
    '.',
    '..',
    '%2e',
    '%2E%2e',
    'a'.repeat(129),
    'a%20b',
    'a%2Fb',
    'a%0A',
    '%00',
    '%C3%BC',
    'a*',
    '%7B',
    '%zz',
    '%ff',
    'a%',
  ])('may not be named %s: every request is answered 400', async name => {
    const path = `/rooms/${name}/location`
    for (const [method, rest] of [
      ['GET', ''],
      ['GET', '/sse'],
      ['DELETE', '/alice'],
    ] as const)
      expectProblem(await send(server.port, method, path + rest), 400)
    for (const rest of ['', '/sse', '/alive'])
      expectProblem(await send(server.port, 'POST', path + rest, { json: { user: 'alice', x: 1, y: 1 } }), 400)
  })

  test('is the same with and without percent-encoding in its name', async () => {
    const name = `A${nanoid()}`
    const id = await new Room(server, name).put('alice', 1, 1)
    expect((await send(server.port, 'GET', `/rooms/%41${name.slice(1)}/location`)).body).toMatchObject({
      room: name,
      lastEventId: id,
    })
  })

  test('does not list the collaborators of another room', async () => {
    const [here, there] = [new Room(server), new Room(server)]
    await here.put('alice', 1, 1)
    expect((await there.who()).size).toBe(0)
  })

  test('named lobby is served under /location too, with all its routes', async () => {
    const lobby = new Room(server, 'lobby')
    const user = nanoid()
    const posted = await send(server.port, 'POST', '/location', { json: { user, x: 2, y: 2 } })
    expect(posted.body).toEqual({ id: expect.any(String), user })
    expect((await lobby.who()).get(user)).toMatchObject({ x: 2, y: 2 })
    expect((await send(server.port, 'GET', '/location')).body).toMatchObject({
      room: 'lobby',
      lastEventId: posted.body.id,
    })
    expect((await send(server.port, 'POST', '/location/alive', { json: { user } })).status).toBe(204)
    const stream = await fetch(`${server.url}/location/sse`)
    expect(stream.headers.get('content-type')).toBe('text/event-stream')
    await stream.body?.cancel()
    expect((await send(server.port, 'DELETE', `/location/${user}`)).status).toBe(204)
    expect((await lobby.who()).has(user)).toBe(false)
  })
})
