/** What a stream says when nothing happens: heartbeats, or asking for a sign of life. */
import { describe, expect, test } from '@jest/globals'
import { Room, stores, timeOf, useRedis, useServer } from '../support/rooms.ts'
import type { TestStream } from '../support/streams.ts'

const leaseMs = 2_000
const quick = { HEARTBEAT_MS: '100', LEASE_MS: `${leaseMs}`, LEAVE_GRACE_MS: '100' }

const calm = useServer('memory')

describe.each(stores)('a silent stream, over %s', store => {
  const server = useServer(store, quick)

  test.concurrent('has a colon and one line feed after every pause, and nothing else', async () => {
    const room = new Room(server)
    const stream = await room.follow()
    await stream.next('snapshot')
    const start = stream.text.indexOf('\n\n') + 2
    await stream.until(() => stream.text.length >= start + 8)
    expect(stream.text.slice(start)).toMatch(/^(:\n){4,}$/)
    await room.put('alice', 1, 1)
    await stream.next('location')
    await stream.until(() => stream.text.endsWith('}\n\n:\n:\n'))
    stream.close()
  })

  test.concurrent('that was asked to ask has a ping in place of each, an event without an id', async () => {
    const room = new Room(server)
    const id = await room.put('bob', 0, 0)
    const stream = await room.follow({ user: 'alice', ack: '1' })
    await stream.next('snapshot')
    const start = stream.text.indexOf('\n\n') + 2
    for (let i = 0; i < 3; i++) expect(await stream.next()).toEqual({ id: undefined, type: 'ping' })
    expect(stream.text.slice(start)).toMatch(/^(data: \{"type":"ping"\}\n\n){3,}$/)
    expect(stream.lastEventId).toBe(id)
    stream.close()
  })

  test.concurrent('keeps its collaborator for longer than a lease, without a sign of life', async () => {
    const room = new Room(server)
    const [watcher, stream] = [await room.follow(), await room.follow({ user: 'alice' })]
    await room.put('alice', 1, 1)
    await aLease(new Room(server))
    await aLease(new Room(server))
    expect((await room.who()).has('alice')).toBe(true)
    expect(watcher.seen.filter(({ type }) => type === 'leave')).toEqual([])
    stream.close()
    watcher.close()
  })

  test.concurrent('whose pings are answered keeps its collaborator; once they are not, it has expired, once', async () => {
    const room = new Room(server)
    const [watcher, stream] = [await room.follow(), await room.follow({ user: 'alice', ack: '1' })]
    const id = await room.put('alice', 1, 1)
    await answered(
      stream,
      room,
      aLease(new Room(server)).then(() => aLease(new Room(server))),
    )
    expect(watcher.seen.filter(({ type }) => type === 'leave')).toEqual([])
    const leave = await watcher.next('leave')
    expect(leave).toMatchObject({ user: 'alice', reason: 'expired' })
    expect(timeOf(leave.id) - timeOf(id)).toBeGreaterThan(2 * leaseMs)
    expect((await room.who()).has('alice')).toBe(false)
    stream.close()
    await room.put('bob', 1, 1)
    await watcher.next('location', ({ user }) => user === 'bob')
    expect(watcher.seen.filter(({ type }) => type === 'leave')).toHaveLength(1)
    watcher.close()
  })

  test.concurrent('does not keep a collaborator whose pings nobody answers, though its socket is open', async () => {
    const room = new Room(server)
    const [watcher, stream] = [await room.follow(), await room.follow({ user: 'alice', ack: '1' })]
    await room.put('alice', 1, 1)
    expect(await watcher.next('leave')).toMatchObject({ user: 'alice', reason: 'expired' })
    expect(stream.isEnded).toBe(false)
    stream.close()
    watcher.close()
  })

  test.concurrent('gets 204 for a sign of life even of somebody who is not there', async () => {
    const { status, text } = await new Room(server).alive({ user: 'nobody', other: 1 })
    expect({ status, text }).toEqual({ status: 204, text: '' })
  })
})

describe('with two instances on one Redis', () => {
  const redis = useRedis()
  const here = useServer(redis, quick)
  const there = useServer(redis, quick)

  test.concurrent('a ping that is answered at the other instance keeps the collaborator', async () => {
    const room = new Room(here)
    const [watcher, stream] = [await room.at(there).follow(), await room.follow({ user: 'alice', ack: '1' })]
    await room.put('alice', 1, 1)
    await answered(
      stream,
      room.at(there),
      aLease(new Room(here)).then(() => aLease(new Room(here))),
    )
    expect(watcher.seen.filter(({ type }) => type === 'leave')).toEqual([])
    expect(await watcher.next('leave')).toMatchObject({ user: 'alice', reason: 'expired' })
    stream.close()
    watcher.close()
  })
})

/** Answers each ping until that time is over. */
async function answered(stream: TestStream, room: Room, time: Promise<void>): Promise<void> {
  let isOver = false
  const over = time.then(() => {
    isOver = true
  })
  while (!isOver) {
    await stream.next('ping')
    expect((await room.alive({ user: 'alice' })).status).toBe(204)
  }
  await over
}

/** Resolves once a whole lease has passed on the log's clock. */
async function aLease(room: Room): Promise<void> {
  const watcher = await room.follow()
  await room.put('clock', 0, 0)
  await watcher.next('leave')
  watcher.close()
}

test('a stream has a heartbeat soon after its first event, for proxies that hold each piece back', async () => {
  const room = new Room(calm)
  const stream = await room.follow()
  await stream.next('snapshot')
  await stream.until(() => stream.text.endsWith('}\n\n:\n'))
  stream.close()
})
