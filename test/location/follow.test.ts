/** Streams: their head, their first bytes, and going on from where one was. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { send } from '../support/requests.ts'
import { Room, stores, useServer } from '../support/rooms.ts'
import { openStream, type TestStream } from '../support/streams.ts'

describe.each(stores)('a stream, over %s', store => {
  const server = useServer(store)
  const opened: TestStream[] = []
  const follow = async (room: Room, ...asked: Parameters<Room['follow']>) => {
    const stream = await room.follow(...asked)
    opened.push(stream)
    return stream
  }
  afterEach(() => {
    for (const stream of opened.splice(0)) stream.close()
  })

  test('has exactly the headers that clients and proxies look for, and nothing holds it back', async () => {
    const { status, headers } = await follow(new Room(server), {}, { 'accept-encoding': 'gzip, br' })
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/event-stream')
    expect(headers.get('cache-control')).toBe('no-cache, no-transform')
    expect(headers.get('x-accel-buffering')).toBe('no')
    expect([headers.get('content-encoding'), headers.get('content-length')]).toEqual([null, null])
  })

  test('that joins begins with a retry line and at once the snapshot, whose id is the log’s head', async () => {
    const room = new Room(server)
    const id = await room.put('alice', 2, 2, { name: 'Alice', color: '#e4572e' })
    const stream = await follow(room)
    const at = Number(id.split('-')[0])
    const locations = [{ user: 'alice', name: 'Alice', color: '#e4572e', x: 2, y: 2, at }]
    expect(await stream.next()).toEqual({ id, type: 'snapshot', reason: 'joined', locations })
    const [retry, ...lines] = stream.text.split('\n')
    expect(retry).toMatch(/^retry: [123]\d{3}$/)
    expect(lines).toEqual([`id: ${id}`, expect.stringMatching(/^data: \{"type":"snapshot",/), '', ''])
  })

  test('draws its retry anew, of 1,000 to 3,000 ms', async () => {
    const room = new Room(server)
    const streams = await Promise.all(Array.from({ length: 12 }, () => follow(room)))
    for (const stream of streams) await stream.next()
    const times = streams.map(({ text }) => Number(/^retry: (\d+)\n/.exec(text)?.[1]))
    for (const time of times) expect(time >= 1000 && time <= 3000).toBe(true)
    expect(new Set(times).size).toBeGreaterThan(1)
  })

  test('carries unnamed events, each a line of JSON with its type', async () => {
    const room = new Room(server)
    const stream = await follow(room)
    await stream.next('snapshot')
    const before = stream.text.length
    const id = await room.put('alice', 2, 2, { name: 'Alice', color: '#e4572e' })
    await room.leave('alice')
    await stream.next('leave')
    const at = id.split('-')[0]
    const left = stream.lastEventId
    expect(stream.text.slice(before)).toBe(
      `id: ${id}\ndata: {"type":"location","user":"alice","name":"Alice","color":"#e4572e","x":2,"y":2,"at":${at}}\n\n` +
        `id: ${left}\ndata: {"type":"leave","user":"alice","reason":"left"}\n\n`,
    )
    expect((await room.get()).body.lastEventId).toBe(left)
  })

  test('of an empty room has the id before the first event, and its reader resumes from there', async () => {
    const room = new Room(server)
    const first = await follow(room)
    expect(await first.next()).toEqual({ id: '0-0', type: 'snapshot', reason: 'joined', locations: [] })
    first.close()
    const ids = [await room.put('alice', 1, 1), await room.put('bob', 2, 2)]
    const second = await follow(room, {}, { 'last-event-id': '0-0' })
    expect(await second.next()).toEqual({ id: undefined, type: 'resumed', missed: 2 })
    expect([(await second.next()).id, (await second.next()).id]).toEqual(ids)
  })

  test('of an empty room resumes from the id before the first event, having missed nothing', async () => {
    const stream = await follow(new Room(server), { lastEventId: '0-0' })
    expect(await stream.next()).toEqual({ id: undefined, type: 'resumed', missed: 0 })
  })

  test('that resumes begins with a retry line and at once what it missed, then the events, then live ones', async () => {
    const room = new Room(server)
    const ids = []
    for (let x = 0; x < 6; x++) ids.push(await room.put(`user${x % 2}`, x, 0))
    ids.push(await room.leave('user1').then(async () => (await room.get()).body.lastEventId))
    const stream = await follow(room, {}, { 'last-event-id': ids[2] ?? '' })
    expect(await stream.next()).toEqual({ id: undefined, type: 'resumed', missed: 4 })
    expect(stream.text).toMatch(/^retry: [123]\d{3}\ndata: \{"type":"resumed","missed":4\}\n\nid: /)
    ids.push(await room.put('user0', 9, 9))
    const seen = [
      await stream.next(),
      await stream.next(),
      await stream.next(),
      await stream.next(),
      await stream.next(),
    ]
    expect(seen.map(({ id }) => id)).toEqual(ids.slice(3))
    expect(seen.map(({ type }) => type)).toEqual(['location', 'location', 'location', 'leave', 'location'])
  })

  test('that resumes from the head has missed nothing', async () => {
    const room = new Room(server)
    const id = await room.put('alice', 1, 1)
    const stream = await follow(room, { lastEventId: id })
    expect(await stream.next()).toEqual({ id: undefined, type: 'resumed', missed: 0 })
    const next = await room.put('alice', 2, 2)
    expect(await stream.next()).toMatchObject({ id: next, type: 'location' })
  })

  test('resumes from the snapshot’s id, in the middle of what others post, without a gap or a repeat', async () => {
    const room = new Room(server)
    const witness = await follow(room)
    const posting = (async () => {
      for (let x = 0; x < 150; x++) await room.put(`user${x % 5}`, x, 0)
    })()
    const ids: (string | undefined)[] = []
    let lastEventId = ''
    while (ids.length < 140) {
      const stream = await follow(room, lastEventId === '' ? { lastEventId: '0-0' } : { lastEventId })
      expect(await stream.next()).toMatchObject({ type: 'resumed' })
      for (let i = 0; i < 20; i++) ids.push((await stream.next()).id)
      lastEventId = ids.at(-1) ?? ''
      stream.close()
    }
    await posting
    await witness.until(() => witness.events.length === 151)
    expect(ids).toEqual(witness.events.slice(1, ids.length + 1).map(({ id }) => id))
  })

  test('goes on after the header’s id when the query has one too; an empty one is none', async () => {
    const room = new Room(server)
    const [first = '', second = ''] = [await room.put('alice', 1, 1), await room.put('alice', 2, 2)]
    const both = await follow(room, { lastEventId: first }, { 'last-event-id': second })
    expect(await both.next()).toMatchObject({ type: 'resumed', missed: 0 })
    const emptyHeader = await follow(room, { lastEventId: first }, { 'last-event-id': '' })
    expect(await emptyHeader.next()).toMatchObject({ type: 'resumed', missed: 1 })
    const emptyBoth = await follow(room, { lastEventId: '' }, { 'last-event-id': '' })
    expect(await emptyBoth.next()).toMatchObject({ type: 'snapshot', reason: 'joined' })
  })

  test('may be asked for by POST, with the same fields in its body', async () => {
    const room = new Room(server)
    const [first, second] = [await room.put('alice', 1, 1), await room.put('alice', 2, 2)]
    const ask = async (body: object, headers = {}) => {
      const stream = await openStream(`${server.url}${room.path}/sse`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      })
      opened.push(stream)
      expect(stream.headers.get('content-type')).toBe('text/event-stream')
      return stream.next()
    }
    expect(await ask({ user: 'bob', ack: 1, other: true })).toMatchObject({
      id: second,
      type: 'snapshot',
      reason: 'joined',
    })
    expect(await ask({ ack: '1', lastEventId: first })).toMatchObject({ type: 'resumed', missed: 1 })
    expect(await ask({ lastEventId: first }, { 'last-event-id': second })).toMatchObject({ type: 'resumed', missed: 0 })
    for (const lastEventId of ['', null]) {
      expect(await ask({ lastEventId, user: null, ack: null })).toMatchObject({ type: 'snapshot', reason: 'joined' })
    }
    for (const lastEventId of [5, true, {}, [first], { toString: 1 }]) {
      expect(await ask({ lastEventId })).toMatchObject({ type: 'snapshot', reason: 'reset' })
    }
  })

  test('reads its whole query, further question marks included', async () => {
    const room = new Room(server)
    const id = await room.put('a?b', 1, 1)
    const stream = await openStream(`${server.url}${room.path}/sse?user=a?b&lastEventId=${id}`)
    opened.push(stream)
    expect(await stream.next()).toMatchObject({ type: 'resumed', missed: 0 })
  })

  test('shows each of its readers the same events with the same ids', async () => {
    const room = new Room(server)
    const streams = await Promise.all(Array.from({ length: 5 }, () => follow(room)))
    const ids = await Promise.all(Array.from({ length: 30 }, (_, i) => room.put(`user${i}`, i, 0)))
    for (const stream of streams) await stream.until(() => stream.events.length === 31)
    const [first, ...others] = streams.map(({ events }) => events.slice(1).map(({ id }) => id))
    expect(new Set(first)).toEqual(new Set(ids))
    for (const other of others) expect(other).toEqual(first)
  })

  test('is not opened by HEAD, which says what the path does and not HEAD', async () => {
    const { status, headers, text } = await send(server.port, 'HEAD', `${new Room(server).path}/sse`)
    expect({ status, text }).toEqual({ status: 405, text: '' })
    const allowed = headers.allow?.split(', ')
    expect(allowed).toEqual(expect.arrayContaining(['GET', 'POST']))
    expect(allowed).not.toContain('HEAD')
  })
})
