/** Streams: headers, first bytes, live events and resuming. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { send } from '../support/requests.ts'
import { Room, stores, useServer } from '../support/rooms.ts'
import { openStream, type TestStream } from '../support/streams.ts'

describe.each(stores)('with the %s store, a stream', store => {
  const server = useServer(store)
  const opened: TestStream[] = []
  const follow = async (room: Room, ...args: Parameters<Room['follow']>) => {
    const stream = await room.follow(...args)
    opened.push(stream)
    return stream
  }
  afterEach(() => {
    for (const stream of opened.splice(0)) stream.close()
  })

  test('has the headers that clients and proxies need, and is not compressed', async () => {
    const { status, headers } = await follow(new Room(server), {}, { 'accept-encoding': 'gzip, br' })
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/event-stream')
    expect(headers.get('cache-control')).toBe('no-cache, no-transform')
    expect(headers.get('x-accel-buffering')).toBe('no')
    expect([headers.get('content-encoding'), headers.get('content-length')]).toEqual([null, null])
  })

  test('that joins begins with a retry line and a snapshot, whose id is the head of the log', async () => {
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

  test('has a random retry time from 1,000 to 3,000 ms', async () => {
    const room = new Room(server)
    const streams = await Promise.all(Array.from({ length: 12 }, () => follow(room)))
    for (const stream of streams) await stream.next()
    const times = streams.map(({ text }) => Number(/^retry: (\d+)\n/.exec(text)?.[1]))
    for (const time of times) expect(time >= 1000 && time <= 3000).toBe(true)
    expect(new Set(times).size).toBeGreaterThan(1)
  })

  test('sends events without a name, each as one line of JSON with a type', async () => {
    const room = new Room(server)
    const stream = await follow(room)
    await stream.next('snapshot')
    const before = stream.text.length
    const id = await room.put('alice', 2, 2, { name: 'Alice', color: '#e4572e' })
    await room.leave('alice')
    await stream.next('leave')
    const at = id.split('-')[0]
    const left = stream.lastEventId
    // The heartbeat that follows the first write after 100 ms may come in between.
    expect(stream.text.slice(before).replace(/^:\n/m, '')).toBe(
      `id: ${id}\ndata: {"type":"location","user":"alice","name":"Alice","color":"#e4572e","x":2,"y":2,"at":${at}}\n\n` +
        `id: ${left}\ndata: {"type":"leave","user":"alice","reason":"left"}\n\n`,
    )
    expect((await room.get()).body.lastEventId).toBe(left)
  })

  test('of an empty room begins with the id 0-0, and its reader resumes from that id', async () => {
    const room = new Room(server)
    const first = await follow(room)
    expect(await first.next()).toEqual({ id: '0-0', type: 'snapshot', reason: 'joined', locations: [] })
    first.close()
    const ids = [await room.put('alice', 1, 1), await room.put('bob', 2, 2)]
    const second = await follow(room, {}, { 'last-event-id': '0-0' })
    expect(await second.next()).toEqual({ id: undefined, type: 'resumed', missed: 2 })
    expect([(await second.next()).id, (await second.next()).id]).toEqual(ids)
  })

  test('of an empty room resumes from the id 0-0 with no missed event', async () => {
    const stream = await follow(new Room(server), { lastEventId: '0-0' })
    expect(await stream.next()).toEqual({ id: undefined, type: 'resumed', missed: 0 })
  })

  test('that resumes begins with a retry line and the number of missed events, followed by these events and live events', async () => {
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

  test('that resumes from the head has missed no event', async () => {
    const room = new Room(server)
    const id = await room.put('alice', 1, 1)
    const stream = await follow(room, { lastEventId: id })
    expect(await stream.next()).toEqual({ id: undefined, type: 'resumed', missed: 0 })
    const next = await room.put('alice', 2, 2)
    expect(await stream.next()).toMatchObject({ id: next, type: 'location' })
  })

  test('that resumes again and again during POSTs receives every event once and in order', async () => {
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

  test('resumes from the header’s id rather than the query’s, and ignores an empty id', async () => {
    const room = new Room(server)
    const [first = '', second = ''] = [await room.put('alice', 1, 1), await room.put('alice', 2, 2)]
    const both = await follow(room, { lastEventId: first }, { 'last-event-id': second })
    expect(await both.next()).toMatchObject({ type: 'resumed', missed: 0 })
    const emptyHeader = await follow(room, { lastEventId: first }, { 'last-event-id': '' })
    expect(await emptyHeader.next()).toMatchObject({ type: 'resumed', missed: 1 })
    const emptyBoth = await follow(room, { lastEventId: '' }, { 'last-event-id': '' })
    expect(await emptyBoth.next()).toMatchObject({ type: 'snapshot', reason: 'joined' })
  })

  test('may be opened by POST with the same fields in the body', async () => {
    const room = new Room(server)
    const [first, second] = [await room.put('alice', 1, 1), await room.put('alice', 2, 2)]
    const openByPost = async (body: object, headers = {}) => {
      const stream = await openStream(`${server.url}${room.path}/sse`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      })
      opened.push(stream)
      expect(stream.headers.get('content-type')).toBe('text/event-stream')
      return stream.next()
    }
    expect(await openByPost({ user: 'bob', ack: 1, other: true })).toMatchObject({
      id: second,
      type: 'snapshot',
      reason: 'joined',
    })
    expect(await openByPost({ ack: '1', lastEventId: first })).toMatchObject({ type: 'resumed', missed: 1 })
    expect(await openByPost({ lastEventId: first }, { 'last-event-id': second })).toMatchObject({
      type: 'resumed',
      missed: 0,
    })
    for (const lastEventId of ['', null]) {
      expect(await openByPost({ lastEventId, user: null, ack: null })).toMatchObject({
        type: 'snapshot',
        reason: 'joined',
      })
    }
    for (const lastEventId of [5, true, {}, [first], { toString: 1 }]) {
      expect(await openByPost({ lastEventId })).toMatchObject({ type: 'snapshot', reason: 'reset' })
    }
  })

  test('may have question marks in its query', async () => {
    const room = new Room(server)
    const id = await room.put('a?b', 1, 1)
    const stream = await openStream(`${server.url}${room.path}/sse?user=a?b&lastEventId=${id}`)
    opened.push(stream)
    expect(await stream.next()).toMatchObject({ type: 'resumed', missed: 0 })
  })

  test('has the same events with the same ids for every reader', async () => {
    const room = new Room(server)
    const streams = await Promise.all(Array.from({ length: 5 }, () => follow(room)))
    const ids = await Promise.all(Array.from({ length: 30 }, (_, i) => room.put(`user${i}`, i, 0)))
    for (const stream of streams) await stream.until(() => stream.events.length === 31)
    const [first, ...others] = streams.map(({ events }) => events.slice(1).map(({ id }) => id))
    expect(new Set(first)).toEqual(new Set(ids))
    for (const other of others) expect(other).toEqual(first)
  })

  test('is not opened by HEAD, which is answered 405 and is not listed in Allow', async () => {
    const { status, headers, text } = await send(server.port, 'HEAD', `${new Room(server).path}/sse`)
    expect({ status, text }).toEqual({ status: 405, text: '' })
    const allowed = headers.allow?.split(', ')
    expect(allowed).toEqual(expect.arrayContaining(['GET', 'POST']))
    expect(allowed).not.toContain('HEAD')
  })
})
