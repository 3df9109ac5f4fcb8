/** Redis outages: Redis ends or does not answer, and comes back. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, describe, expect, test } from '@jest/globals'
import { expectProblem } from '../support/requests.ts'
import { Room, untilReady, useRedis, useServer } from '../support/rooms.ts'

describe('a server whose Redis has ended', () => {
  const redis = useRedis()
  const server = useServer(redis)
  let successor: ChildProcess | undefined

  afterAll(async () => {
    if (!successor) return
    const exited = once(successor, 'exit')
    successor.kill()
    await exited
  })

  test('answers requests with 503, keeps its streams open, and recovers once Redis is back', async () => {
    const [room, other] = [new Room(server), new Room(server)]
    const id = await room.put('alice', 1, 1)
    const stream = await room.follow()
    await stream.next('snapshot')
    await redis.stop()
    const { text } = await untilReady(server, false)
    expect(text).toMatch(/redis/i)

    const refused = [
      await room.post({ user: 'alice', x: 2, y: 2 }),
      await room.post([{ user: 'alice', x: 2, y: 2 }]),
      await room.get(),
      await room.leave('alice'),
      await room.alive({ user: 'alice' }),
    ]
    for (const answer of refused) {
      expectProblem(answer, 503)
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    }
    const later = await other.follow({ user: 'bob' })
    await later.ended()
    expect({ status: later.status, type: later.headers.get('content-type') }).toEqual({
      status: 200,
      type: 'text/event-stream',
    })
    expect(later.text).toMatch(/^retry: ([3-9]\d{3}|10000)\n$/)
    // The instance has readers in this room, so it answers joins from its own copy.
    const warm = await room.follow()
    expect(await warm.next()).toMatchObject({ id, type: 'snapshot', locations: [{ user: 'alice', x: 1 }] })
    const lost = await room.follow({}, { 'last-event-id': '1-1' })
    expect(await lost.next()).toMatchObject({ id, type: 'snapshot', reason: 'reset' })
    expect(stream.isEnded).toBe(false)

    successor = await startSuccessor(redis.port)
    await untilReady(server, true)
    // The new Redis is empty: every open stream receives a reset and continues.
    for (const reader of [stream, warm, lost]) {
      await reader.until(() => reader.who.size === 0)
      expect(reader.seen.at(-1)).toMatchObject({ id: '0-0', type: 'snapshot', reason: 'reset', locations: [] })
    }
    const next = await room.put('alice', 3, 3)
    for (const reader of [stream, warm, lost]) {
      expect(await reader.next('location')).toMatchObject({ id: next, x: 3 })
      reader.close()
    }
    const old = await room.follow({}, { 'last-event-id': id })
    expect(await old.next()).toMatchObject({ id: next, type: 'snapshot', reason: 'reset' })
    old.close()
  })
})

describe('a server whose Redis does not answer', () => {
  const redis = useRedis()
  const server = useServer(redis)

  test('does not publish a refused location later', async () => {
    const room = new Room(server)
    await room.put('alice', 1, 1)
    redis.child.kill('SIGSTOP')
    const answer = await room.post({ user: 'alice', x: 2, y: 2 })
    redis.child.kill('SIGCONT')
    expectProblem(answer, 503)
    const id = await publishOnceReady(room)
    const stream = await room.follow({ lastEventId: '0-0' })
    await stream.until(() => stream.lastEventId === id)
    expect(stream.seen.map(event => (event.type === 'location' ? event.x : event.type))).toEqual(['resumed', 1, 9])
    stream.close()
  })

  test('answers /readyz within 200 ms and reports that it is not ready, and /healthz reports that it is alive', async () => {
    redis.child.kill('SIGSTOP')
    try {
      const posting = new Room(server).post({ user: 'alice', x: 1, y: 1 })
      const startedAt = performance.now()
      await fetch(`${server.url}/readyz`)
      expect(performance.now() - startedAt).toBeLessThan(200)
      await posting
      expectProblem(await untilReady(server, false), 503)
      expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    } finally {
      redis.child.kill('SIGCONT')
    }
    await untilReady(server, true)
    expect(await new Room(server).post({ user: 'alice', x: 1, y: 1 })).toMatchObject({ status: 200 })
  })
})

/** Publishes a location as soon as the server accepts it. */
async function publishOnceReady(room: Room): Promise<string> {
  for (;;) {
    const { body } = await room.post({ user: 'alice', x: 9, y: 9 })
    if (body.id) return body.id
  }
}

async function startSuccessor(port: number): Promise<ChildProcess> {
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', '/tmp']
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface(child.stdout)) if (line.includes('Ready to accept')) break
  child.stdout.resume()
  return child
}
