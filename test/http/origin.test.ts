/** Which origins may change locations. */
import { describe, expect, test } from '@jest/globals'
import { createAllowedOrigins } from '../../server/http/origin.ts'
import { expectProblem } from '../support/requests.ts'
import { Room, useServer } from '../support/rooms.ts'

describe('a request', () => {
  const server = useServer('memory', { AUTH: 'off', CORS_ORIGINS: 'https://sheets.example, http://localhost:5173' })
  const json = { user: 'alice', x: 1, y: 1 }

  /** Every request that changes something. */
  const changes = (room: Room, headers: Record<string, string>) => [
    room.post(json, headers),
    room.post([json], headers),
    room.alive({ user: 'alice' }, headers),
    room.send('DELETE', '/alice', { headers }),
  ]

  test.each(['https://sheets.example', 'http://localhost:5173'])(
    'from an origin in CORS_ORIGINS may change locations: %s',
    async origin => {
      for (const answer of await Promise.all(changes(new Room(server), { origin })))
        expect(answer.status).toBeLessThan(300)
    },
  )

  test('from the server’s own origin may change locations, under any host name', async () => {
    const room = new Room(server)
    for (const host of [
      `127.0.0.1:${server.port}`,
      `localhost:${server.port}`,
      `LOCALHOST:${server.port}`,
      'colocate.example',
    ])
      for (const answer of await Promise.all(changes(room, { host, origin: `http://${host.toLowerCase()}` })))
        expect(answer.status).toBeLessThan(300)
  })

  test.each([
    ['http', 80],
    ['https', 443],
  ])(
    'from the server’s own origin may change locations if a proxy adds the port of %s to the Host header',
    async (scheme, port) => {
      const headers = { host: `colocate.example:${port}`, origin: `${scheme}://colocate.example` }
      for (const answer of await Promise.all(changes(new Room(server), headers)))
        expect(answer.status).toBeLessThan(300)
    },
  )

  test('from the server’s own host with another scheme may not change locations', async () => {
    const headers = { host: 'colocate.example:21', origin: 'ftp://colocate.example' }
    for (const answer of await Promise.all(changes(new Room(server), headers))) expectProblem(answer, 403)
  })

  test('without an Origin header may change locations', async () => {
    for (const answer of await Promise.all(changes(new Room(server), {}))) expect(answer.status).toBeLessThan(300)
  })

  test.each([
    'null',
    'https://elsewhere.example',
    'https://sheets.example.elsewhere.example',
    'https://sheets.example:8443',
    'http://sheets.example',
    'https://sheets.example/',
    'http://127.0.0.1',
    'http://127.0.0.1:1',
    'file://',
    '',
    '*',
    'https://sheets.example, https://elsewhere.example',
  ])('from the origin "%s" may not change locations', async origin => {
    const room = new Room(server)
    await room.put('alice', 1, 1)
    const before = (await room.get()).body
    for (const answer of await Promise.all(changes(room, { origin }))) expectProblem(answer, 403)
    expect((await room.get()).body).toEqual(before)
  })

  test('from any origin may read, because the browser enforces CORS for reads', async () => {
    const room = new Room(server)
    const headers = { origin: 'https://elsewhere.example' }
    expect((await room.send('GET', '', { headers })).status).toBe(200)
    const stream = await room.follow({}, headers)
    expect(await stream.next()).toMatchObject({ type: 'snapshot' })
    stream.close()
  })
})

describe('CORS_ORIGINS', () => {
  const isAllowed = createAllowedOrigins(
    ['https://*.example.com', 'capacitor://localhost', 'https://other.example'],
    false,
  )

  test.each(['https://a.example.com', 'https://a.b.example.com', 'capacitor://localhost', 'https://other.example'])(
    'allows %s',
    origin => {
      expect(isAllowed(origin)).toBe(true)
    },
  )

  test.each([
    'https://example.com',
    'https://.example.com',
    'https://evilexample.com',
    'https://a.example.com.evil.example',
    'https://evil.example/.example.com',
    'https://a.example.com:8443',
    'http://a.example.com',
    'capacitor://localhost.evil.example',
    'http://localhost:5173',
  ])('does not allow %s', origin => {
    expect(isAllowed(origin)).toBe(false)
  })
})
