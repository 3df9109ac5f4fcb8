/** `POST /rooms/:room/location`: one location, its defaults and its limits. */
import { describe, expect, test } from '@jest/globals'
import { Room, stores, timeOf, useServer } from '../support/rooms.ts'

describe.each(stores)('with the %s store, a location', store => {
  const server = useServer(store)

  test('is answered with its event id and its user, and is listed from then on', async () => {
    const room = new Room(server)
    const location = { user: 'alice', name: 'Alice', color: '#e4572e', x: 2, y: 3.5, meta: { editing: true, n: [1] } }
    const { status, headers, body } = await room.post(location)
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(/^application\/json\b/)
    expect(body).toEqual({ id: expect.stringMatching(/^\d{13}-\d+$/), user: 'alice' })
    expect((await room.get()).body).toEqual({
      room: room.name,
      lastEventId: body.id,
      locations: [{ ...location, at: timeOf(body.id) }],
    })
  })

  test('with only a user, x and y has the default name and color', async () => {
    const room = new Room(server)
    const { id } = (await room.post({ user: 'alice', x: 0, y: -1e300 })).body
    expect((await room.get()).body.locations).toEqual([
      { user: 'alice', name: 'alice', color: expect.stringMatching(/^#[0-9a-f]{6}$/), x: 0, y: -1e300, at: timeOf(id) },
    ])
  })

  test('has a default color that depends on the user: it is the same in every room and differs between users', async () => {
    const [first, second] = [new Room(server), new Room(server)]
    for (const user of ['alice', 'bob', 'carol', 'dave']) for (const room of [first, second]) await room.put(user, 0, 0)
    const colors = [...(await first.who())].sort().map(([, { color }]) => color)
    expect([...(await second.who())].sort().map(([, { color }]) => color)).toEqual(colors)
    expect(new Set(colors).size).toBeGreaterThan(1)
  })

  test('replaces the previous one completely: a field that it omits has its default again', async () => {
    const room = new Room(server)
    await room.put('alice', 1, 1, { name: 'Alice', color: '#000000', meta: { a: 1 } })
    const id = await room.put('alice', 2, 2)
    const alice = (await room.who()).get('alice')
    expect(alice).toEqual({ user: 'alice', name: 'alice', color: expect.any(String), x: 2, y: 2, at: timeOf(id) })
    expect(alice?.color).not.toBe('#000000')
  })

  test('is stored without its unknown fields, even if they are named like members of a prototype', async () => {
    const room = new Room(server)
    const bytes =
      '{"user":"alice","x":1,"y":2,"at":5,"id":"1-1","type":"leave","z":0,"__proto__":{"name":"Eve"},"constructor":1}'
    const { status, body } = await room.send('POST', '', { bytes })
    expect(status).toBe(200)
    expect((await room.who()).get('alice')).toEqual({
      user: 'alice',
      name: 'alice',
      color: expect.any(String),
      x: 1,
      y: 2,
      at: timeOf(body.id),
    })
  })

  test.each([
    ['null counts as none', null, undefined],
    ['an empty object', {}, {}],
    ['exactly 1 KiB', { a: 'x'.repeat(1016) }, { a: 'x'.repeat(1016) }],
    ['exactly 1 KiB in two-byte characters', { a: 'é'.repeat(508) }, { a: 'é'.repeat(508) }],
    [
      'line feeds and quotes',
      { a: 'one\ntwo\r\n"three"\u2028\u0085\0\t' },
      { a: 'one\ntwo\r\n"three"\u2028\u0085\0\t' },
    ],
  ])('may have a meta: %s', async (_, meta, kept) => {
    const room = new Room(server)
    const stream = await room.follow()
    expect((await room.post({ user: 'alice', x: 1, y: 2, meta })).status).toBe(200)
    const who = await room.who()
    expect(who.get('alice')?.meta).toEqual(kept)
    expect('meta' in (who.get('alice') ?? {})).toBe(kept !== undefined)
    expect((await stream.next('location')).meta).toEqual(kept)
    stream.close()
  })

  test.each([
    ['1 KiB and 1 byte', { a: 'x'.repeat(1017) }],
    ['more than 1 KiB in two-byte characters', { a: 'é'.repeat(509) }],
    ['an array', []],
    ['a string', 'x'],
    ['a number', 1],
    ['false', false],
  ])('with a meta of %s is refused', async (_, meta) => {
    const room = new Room(server)
    const { status, body } = await room.post({ user: 'alice', x: 1, y: 2, meta })
    expect(status).toBe(400)
    expect(body.errors?.map(({ path }) => path)).toEqual(['meta'])
    expect((await room.get()).body).toMatchObject({ lastEventId: '0-0', locations: [] })
  })

  test.each([
    ['64 letters', 'a'.repeat(64)],
    ['64 characters outside the BMP', '🐙'.repeat(64)],
    ['characters with a meaning in URLs and event streams', 'a/b?c#d%e&f:g "h" id: 1'],
    ['three dots', '...'],
    ['one space', ' '],
    ['"__proto__"', '__proto__'],
    ['letters and a line separator', 'a\u2028b'],
  ])('may have a user of %s', async (_, user) => {
    const room = new Room(server)
    const stream = await room.follow()
    const { status, body } = await room.post({ user, x: 1, y: 2 })
    expect({ status, user: body.user }).toEqual({ status: 200, user })
    expect(await stream.next('location')).toMatchObject({ id: body.id, user, name: user })
    expect([...(await room.who()).keys()]).toEqual([user])
    expect((await room.leave(user)).status).toBe(204)
    expect(await stream.next('leave')).toMatchObject({ user, reason: 'left' })
    stream.close()
  })

  test.each(['   ', '', '\u200b', '\u3164', '\u2800', '\u00ad\u2060'])(
    'with the invisible name "%s" has its user as its name',
    async name => {
      const room = new Room(server)
      await room.put('alice', 1, 1, { name })
      expect((await room.who()).get('alice')?.name).toBe('alice')
    },
  )

  test('has its name without surrounding white space', async () => {
    const room = new Room(server)
    await room.put('alice', 1, 1, { name: '  Alice B. ' })
    expect((await room.who()).get('alice')?.name).toBe('Alice B.')
  })

  test('may have a name of 64 characters, of any script', async () => {
    const room = new Room(server)
    await room.put('alice', 1, 1, { name: '🦊'.repeat(64) })
    expect((await room.who()).get('alice')?.name).toBe('🦊'.repeat(64))
  })
})
