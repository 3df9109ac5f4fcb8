/** Streams that are opened with a token, and the limits on streams for each collaborator and each address. */
import { describe, expect, test } from '@jest/globals'
import { Room, stores, useServer } from '../support/rooms.ts'
import { openStream, type TestStream } from '../support/streams.ts'
import { aliceClaims, nowSeconds, secret, sign } from '../support/tokens.ts'

describe.each(stores)('with the %s store, a stream opened with a token', store => {
  const server = useServer(store, { AUTH_SECRET: secret, LEAVE_GRACE_MS: '100' })
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

  test('ends within a second of the token’s expiry, and resumes only with a new token', async () => {
    const room = new Room(server)
    const exp = nowSeconds() + 3
    const token = await sign({ ...aliceClaims(), exp })
    const streams = await Promise.all([
      room.follow({}, bearer(token)),
      room.follow({ user: 'alice', ack: '1' }, { cookie: `colocate_token=${token}` }),
      openStream(`${server.url}${room.path}/sse?access_token=${token}`),
    ])
    const lateness = async (stream: TestStream) => {
      await stream.ended()
      return Date.now() - exp * 1_000
    }
    const lateMs = await Promise.all(streams.map(lateness))
    process.stdout.write(`${store}: streams ended ${lateMs.join(', ')} ms after exp\n`)
    for (const late of lateMs) {
      expect(late).toBeGreaterThan(-50)
      expect(late).toBeLessThan(1_000)
    }
    const [stream] = streams
    expect(stream?.text).toMatch(/\nretry: [123]\d{3}\n$/)
    const lastEventId = stream?.lastEventId ?? ''
    expect((await room.follow({}, { ...bearer(token), 'last-event-id': lastEventId })).status).toBe(401)

    const { rooms: _, ...elsewhere } = aliceClaims()
    const moved = await sign({ ...elsewhere, rooms: ['other'] })
    expect((await room.follow({}, { ...bearer(moved), 'last-event-id': lastEventId })).status).toBe(403)
    const again = await room.follow({}, { ...bearer(await sign(aliceClaims())), 'last-event-id': lastEventId })
    expect(await again.next()).toMatchObject({ type: 'resumed', missed: 0 })
    again.close()
  })

  test('belongs to the token’s collaborator, not to the cookie’s', async () => {
    const room = new Room(server)
    const token = await sign(aliceClaims())
    const watcher = await room.follow({}, bearer(await sign({ ...aliceClaims(), sub: 'watcher' })))
    const stream = await room.follow({}, { ...bearer(token), cookie: `colocate_user=${'a'.repeat(21)}` })
    await stream.next('snapshot')
    expect((await room.post({ x: 1, y: 1 }, bearer(token))).body.user).toBe('alice')
    stream.close()
    expect(await watcher.next('leave')).toMatchObject({ user: 'alice', reason: 'closed' })
    watcher.close()
  })

  test('gets only a retry line if its collaborator has 100 streams, and another collaborator’s stream is served', async () => {
    const room = new Room(server)
    const token = await sign({ ...aliceClaims(), sub: 'busy' })
    const streams = await Promise.all(Array.from({ length: 100 }, () => room.follow({}, bearer(token))))
    await Promise.all(streams.map(stream => stream.next('snapshot')))
    const one = await room.follow({}, bearer(token))
    await one.ended()
    expect([one.status, one.text]).toEqual([200, expect.stringMatching(/^retry: ([3-9]\d{3}|10000)\n$/)])
    const other = await room.follow({}, bearer(await sign(aliceClaims())))
    await other.next('snapshot')
    other.close()
    streams[0]?.close()
    for (;;) {
      const next = await room.follow({}, bearer(token))
      const isServed = await next.next('snapshot').then(
        () => true,
        () => false,
      )
      next.close()
      if (isServed) break
    }
    for (const stream of streams) stream.close()
  })
})

describe('streams of one public address', () => {
  const server = useServer('memory', { TRUST_PROXY: '1' })

  test('are limited to 2,000 for each instance, and streams of other addresses are served', async () => {
    const room = new Room(server)
    // The client's own X-Forwarded-For entry stands before the entry that the proxy appends.
    const from = (address: string) => ({ 'x-forwarded-for': `198.51.100.1, ${address}` })
    const streams: TestStream[] = []
    while (streams.length < 2_000) {
      const some = Array.from({ length: 100 }, () => room.follow({}, from('203.0.113.7')))
      streams.push(...(await Promise.all(some)))
    }
    await Promise.all(streams.map(stream => stream.next('snapshot')))
    const isRefused = async (address: string) => {
      const stream = await room.follow({}, from(address))
      await stream.until(() => stream.text.includes('\n'))
      stream.close()
      return !stream.text.includes('snapshot')
    }
    expect(await isRefused('203.0.113.7')).toBe(true)
    expect(await isRefused('::ffff:203.0.113.7')).toBe(true)
    for (const address of ['203.0.113.8', '10.0.0.1', '2001:db8::1']) expect(await isRefused(address)).toBe(false)
    for (const stream of streams) stream.close()
  }, 60_000)
})
