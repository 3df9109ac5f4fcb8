/** Streams without events: heartbeats, and pings that the client must answer. */
import { describe, expect, test } from '@jest/globals'
import { Room, stores, timeOf, useRedis, useServer } from '../support/rooms.ts'
import type { TestStream } from '../support/streams.ts'

const leaseMs = 2_000
const quick = { HEARTBEAT_MS: '100', LEASE_MS: `${leaseMs}`, LEAVE_GRACE_MS: '100' }

const defaultServer = useServer('memory')

describe.each(stores)('with the %s store, a silent stream', store => {
  const server = useServer(store, quick)

  test.concurrent('sends a colon and a line feed after each heartbeat interval, and nothing else', async () => {
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

  test.concurrent('with ack=1 sends a ping, an event without an id, instead of each heartbeat', async () => {
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

  test.concurrent('without ack keeps its collaborator for longer than a lease', async () => {
    const room = new Room(server)
    const [watcher, stream] = [await room.follow(), await room.follow({ user: 'alice' })]
    await room.put('alice', 1, 1)
    await waitForLease(new Room(server))
    await waitForLease(new Room(server))
    expect((await room.who()).has('alice')).toBe(true)
    expect(watcher.seen.filter(({ type }) => type === 'leave')).toEqual([])
    stream.close()
    watcher.close()
  })

  test.concurrent('with ack=1 keeps its collaborator while its pings are answered, and the collaborator expires once afterwards', async () => {
    const room = new Room(server)
    const [watcher, stream] = [await room.follow(), await room.follow({ user: 'alice', ack: '1' })]
    const id = await room.put('alice', 1, 1)
    await answerPings(
      stream,
      room,
      waitForLease(new Room(server)).then(() => waitForLease(new Room(server))),
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

  test.concurrent('with ack=1 does not keep a collaborator that answers no ping, although the socket is open', async () => {
    const room = new Room(server)
    const [watcher, stream] = [await room.follow(), await room.follow({ user: 'alice', ack: '1' })]
    await room.put('alice', 1, 1)
    expect(await watcher.next('leave')).toMatchObject({ user: 'alice', reason: 'expired' })
    expect(stream.isEnded).toBe(false)
    stream.close()
    watcher.close()
  })

  test.concurrent('is not needed for a POST to /alive, which is answered 204 even for an absent collaborator', async () => {
    const { status, text } = await new Room(server).alive({ user: 'absent', other: 1 })
    expect({ status, text }).toEqual({ status: 204, text: '' })
  })
})

describe('with two instances on one Redis, a ping', () => {
  const redis = useRedis()
  const here = useServer(redis, quick)
  const there = useServer(redis, quick)

  test.concurrent('that is answered at the other instance keeps the collaborator', async () => {
    const room = new Room(here)
    const [watcher, stream] = [await room.at(there).follow(), await room.follow({ user: 'alice', ack: '1' })]
    await room.put('alice', 1, 1)
    await answerPings(
      stream,
      room.at(there),
      waitForLease(new Room(here)).then(() => waitForLease(new Room(here))),
    )
    expect(watcher.seen.filter(({ type }) => type === 'leave')).toEqual([])
    expect(await watcher.next('leave')).toMatchObject({ user: 'alice', reason: 'expired' })
    stream.close()
    watcher.close()
  })
})

/** Answers each ping until `time` resolves. */
async function answerPings(stream: TestStream, room: Room, time: Promise<void>): Promise<void> {
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

/** Resolves once a whole lease has passed by the log's clock. */
async function waitForLease(room: Room): Promise<void> {
  const watcher = await room.follow()
  await room.put('clock', 0, 0)
  await watcher.next('leave')
  watcher.close()
}

test('a stream sends a heartbeat soon after its first event, for proxies that hold each chunk until the next one', async () => {
  const room = new Room(defaultServer)
  const stream = await room.follow()
  await stream.next('snapshot')
  await stream.until(() => stream.text.endsWith('}\n\n:\n'))
  stream.close()
})
