/** Authentication and authorization: every route that needs a scope, with every kind of token. */
import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { JWTPayload } from 'jose'
import { nanoid } from 'nanoid'
import { expectProblem, send } from '../support/requests.ts'
import { useServer } from '../support/rooms.ts'
import { type Carrier, carrying, type Route, routesOf } from '../support/routes.ts'
import { openStream } from '../support/streams.ts'
import { aliceClaims, type KeySet, nowSeconds, secret, sign, startKeySet, unsigned } from '../support/tokens.ts'
import { waitFor } from '../support/wait-for.ts'

const carriers: Carrier[] = ['bearer', 'cookie', 'query']
const expected = { iss: 'https://issuer.example', aud: 'colocate' }
const good = () => ({ ...aliceClaims(), ...expected })
const { exp: _, ...withoutExp } = good()

/** Returns the status of a route's answer to a token. Closes the stream if the route opens one. */
async function statusOf(port: number, route: Route, carrier: Carrier, token: string): Promise<number> {
  const [path, parts] = carrying(route, carrier, token, port)
  if (!path.includes('/sse')) return (await send(port, route.method, path, parts)).status
  const headers = { ...(parts.headers as Record<string, string>), 'content-type': 'application/json' }
  const body = parts.json === undefined ? {} : { body: JSON.stringify(parts.json) }
  const stream = await openStream(`http://127.0.0.1:${port}${path}`, { method: route.method, headers, ...body })
  stream.close()
  return stream.status
}

/** Sends every token to every route by every carrier. Returns the number of requests and the wrong answers. */
async function sendAll(port: number, rooms: string[], tokens: Map<string, string>, status: number) {
  const wrong: string[] = []
  let requests = 0
  for (const [what, token] of tokens) {
    for (const route of rooms.flatMap(routesOf)) {
      for (const carrier of carriers) {
        requests++
        const answer = await statusOf(port, route, carrier, token)
        // The server reads the query's token for GET only. With another method, the request has no token.
        const wanted = carrier === 'query' && route.method !== 'GET' ? 401 : status
        if (answer !== wanted) wrong.push(`${route.method} ${route.path}, by ${carrier}, ${what}: ${answer}`)
      }
    }
  }
  return { requests, wrong }
}

/** Valid tokens that do not give access to the room. */
async function tokensWithoutAccess(
  room: string,
  make: (claims: JWTPayload) => Promise<string>,
): Promise<Map<string, string>> {
  const claims = good()
  const { rooms: _, ...roomless } = claims
  return new Map([
    [
      'for another room',
      await make({ ...claims, rooms: [`${room}2`, room.slice(0, -1), `${room}x*`, room.toUpperCase()] }),
    ],
    ['for no room', await make(roomless)],
    ['for an empty list of rooms', await make({ ...claims, rooms: [] })],
    ['with an empty scope', await make({ ...claims, scope: '' })],
    [
      'with other scopes',
      await make({ ...claims, scope: 'relay metrics location location:* LOCATION:READ location:readx' }),
    ],
  ])
}

function withEmptyKey(claims: object): string {
  const head = unsigned({ alg: 'HS256' }, claims).slice(0, -1)
  return `${head}.${createHmac('sha256', '').update(head).digest('base64url')}`
}

const garbage = () => [
  ['empty', ''],
  ['not a token', 'hello'],
  ['dots', '..'],
  ['long', 'a'.repeat(4_000)],
]

describe('a server with AUTH_SECRET', () => {
  const server = useServer('memory', { AUTH_SECRET: secret, AUTH_ISSUER: expected.iss, AUTH_AUDIENCE: expected.aud })
  const room = `r${nanoid()}`

  test('answers 401 on every route without a token', async () => {
    const routes = [...routesOf(room), ...routesOf('lobby')]
    for (const { method, path, json } of routes) {
      const answer = await send(server.port, method, path, json === undefined ? {} : { json })
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="colocate"')
      if (method === 'HEAD') expect(answer.status).toBe(401)
      else expectProblem(answer, 401)
    }
  })

  test('answers 401 on every route to an invalid token', async () => {
    const claims = good()
    const signed = await sign(claims)
    const tokens = new Map([
      ...(garbage() as [string, string][]),
      ['expired', await sign({ ...claims, exp: nowSeconds() - 1 })],
      ['not yet valid', await sign({ ...claims, nbf: nowSeconds() + 90 })],
      ['issued in the future', await sign({ ...claims, iat: nowSeconds() + 90 })],
      ['without exp', await sign(withoutExp)],
      ['with exp as a string', await sign({ ...claims, exp: `${claims.exp}` as never })],
      ['signed with another key', await sign(claims, `${secret}.`)],
      ['signed with an empty key', withEmptyKey(claims)],
      ['for another audience', await sign({ ...claims, aud: 'other' })],
      ['without an audience', await sign({ ...aliceClaims(), iss: expected.iss })],
      ['from another issuer', await sign({ ...claims, iss: 'https://issuer.example.evil' })],
      ['without an issuer', await sign({ ...aliceClaims(), aud: expected.aud })],
      ['alg none', unsigned({ alg: 'none' }, claims)],
      ['alg None', unsigned({ alg: 'None' }, claims)],
      ['no alg', unsigned({}, claims)],
      ['alg none with a signature', unsigned({ alg: 'none' }, claims, signed.split('.')[2])],
      ['alg HS512 with the right secret', await sign(claims, new Uint8Array(Buffer.from(secret)), { alg: 'HS512' })],
      ['without its signature', `${signed.split('.').slice(0, 2).join('.')}.`],
      [
        'with another user’s claims',
        [signed.split('.')[0], unsigned({}, { ...claims, sub: 'bob' }).split('.')[1], signed.split('.')[2]].join('.'),
      ],
      ['with a line feed in sub', await sign({ ...claims, sub: 'alice\ndata: x' })],
      ['with an empty sub', await sign({ ...claims, sub: '' })],
      ['with a sub that is too long', await sign({ ...claims, sub: 'a'.repeat(65) })],
      ['with rooms that are no list', await sign({ ...claims, rooms: '*' })],
      ['with a scope that is a list', await sign({ ...claims, scope: ['location:read'] })],
    ])
    const { requests, wrong } = await sendAll(server.port, [room, 'lobby'], tokens, 401)
    process.stdout.write(`secret: invalid tokens=${tokens.size} requests=${requests} wrong answers=${wrong.length}\n`)
    expect(wrong).toEqual([])
  }, 60_000)

  test('answers 403 on every route to a valid token without access', async () => {
    const { requests, wrong } = await sendAll(server.port, [room], await tokensWithoutAccess(room, sign), 403)
    process.stdout.write(`secret: valid tokens without access: requests=${requests} wrong answers=${wrong.length}\n`)
    expect(wrong).toEqual([])
  })

  test.each(['location:read', 'location:write'] as const)(
    'refuses a token without %s only on the routes that need it',
    async scope => {
      const other = scope === 'location:read' ? 'location:write' : 'location:read'
      const token = await sign({ ...good(), scope: other })
      for (const route of routesOf(room)) {
        const answer = await statusOf(server.port, route, 'bearer', token)
        expect([route.method, route.path, answer === 403]).toEqual([route.method, route.path, route.scope === scope])
      }
    },
  )

  test('accepts a valid token on every route, as a bearer token, a cookie or a query parameter', async () => {
    const token = await sign({ ...good(), rooms: ['r*', 'lobby'] })
    for (const route of [...routesOf(room), ...routesOf('lobby')]) {
      for (const carrier of carriers) {
        const status = await statusOf(server.port, route, carrier, token)
        const isServed = carrier !== 'query' || route.method === 'GET'
        expect([route.method, carrier, Math.floor(status / 100)]).toEqual([route.method, carrier, isServed ? 2 : 4])
      }
    }
  })

  test('refuses a request for another collaborator, unless the token has location:write-any', async () => {
    const [alice, any] = [await sign(good()), await sign({ ...good(), scope: 'location:read location:write-any' })]
    const base = `/rooms/${room}/location`
    const bob = { user: 'bob', x: 1, y: 1 }
    const requests: [string, string, unknown?][] = [
      ['POST', base, bob],
      ['POST', base, [{ user: 'alice', x: 1, y: 1 }, bob]],
      ['POST', `${base}/alive`, { user: 'bob' }],
      ['DELETE', `${base}/bob`],
    ]
    for (const [method, path, json] of requests) {
      const parts = json === undefined ? {} : { json }
      const sendWith = (token: string) =>
        send(server.port, method, path, { ...parts, headers: { authorization: `Bearer ${token}` } })
      expectProblem(await sendWith(alice), 403)
      expect((await sendWith(any)).status).toBeLessThan(300)
    }
    for (const [token, status] of [
      [alice, 403],
      [any, 200],
    ] as const) {
      const stream = await openStream(`${server.url}${base}/sse?user=bob&access_token=${token}`)
      expect(stream.status).toBe(status)
      stream.close()
    }
  })

  test('lets a token without a sub read but not write, even with a collaborator’s cookie', async () => {
    const { sub: _, ...claims } = good()
    const headers = { authorization: `Bearer ${await sign(claims)}`, cookie: `colocate_user=${'a'.repeat(21)}` }
    const base = `/rooms/${nanoid()}/location`
    const answer = await send(server.port, 'POST', base, { json: { x: 1, y: 1 }, headers })
    expectProblem(answer, 403)
    expect(answer.headers['set-cookie']).toBeUndefined()
    const { status, body } = await send(server.port, 'GET', base, { headers })
    expect({ status, locations: body.locations }).toEqual({ status: 200, locations: [] })
  })

  test('prefers the token’s name and color for the token’s own collaborator', async () => {
    const base = `/rooms/${nanoid()}/location`
    const scope = 'location:read location:write-any'
    const token = await sign({ ...good(), scope, name: 'Alice', color: '#112233' })
    const headers = { authorization: `Bearer ${token}` }
    const location = { name: 'Mallory', color: '#ffffff', x: 1, y: 1 }
    await send(server.port, 'POST', base, { json: location, headers })
    await send(server.port, 'POST', base, { json: { ...location, user: 'bob' }, headers })
    expect((await send(server.port, 'GET', base, { headers })).body.locations).toMatchObject([
      { user: 'alice', name: 'Alice', color: '#112233' },
      { user: 'bob', name: 'Mallory', color: '#ffffff' },
    ])
  })

  test('accepts a token from a clock that is 30 seconds ahead', async () => {
    const ahead = nowSeconds() + 30
    const token = await sign({ ...good(), nbf: ahead, iat: ahead })
    for (const route of routesOf(room)) expect(await statusOf(server.port, route, 'bearer', token)).toBeLessThan(300)
  })

  test('lets a token without a scope read and write locations, and nothing else', async () => {
    const { scope: _, ...claims } = good()
    const token = await sign(claims)
    for (const route of routesOf(room)) expect(await statusOf(server.port, route, 'bearer', token)).toBeLessThan(300)
    const headers = { authorization: `Bearer ${token}` }
    expect((await send(server.port, 'GET', '/metrics', { headers })).status).toBe(403)
  })

  test.each([
    ['a name of 65 characters', { name: '🦊'.repeat(65) }, { name: '🦊'.repeat(64) }],
    ['a name of null', { name: null }, { name: 'alice' }],
    ['a name of spaces', { name: '   ' }, { name: 'alice' }],
    ['a name with a line feed', { name: 'a\nb' }, { name: 'alice' }],
    ['a name that is a number', { name: 7 }, { name: 'alice' }],
    ['a color in words', { color: 'blue' }, { color: expect.stringMatching(/^#[0-9a-f]{6}$/) }],
    ['a color of null', { color: null }, { color: expect.stringMatching(/^#[0-9a-f]{6}$/) }],
  ])('accepts a token with %s', async (_, claims, shown) => {
    const base = `/rooms/${nanoid()}/location`
    const headers = { authorization: `Bearer ${await sign({ ...good(), ...claims } as JWTPayload)}` }
    expect((await send(server.port, 'POST', base, { json: { x: 1, y: 1 }, headers })).status).toBe(200)
    expect((await send(server.port, 'GET', base, { headers })).body.locations).toMatchObject([
      { user: 'alice', ...shown },
    ])
  })

  test('names the missing scope, room or user when it refuses a request', async () => {
    const detailOf = async (claims: object, path: string, json: object) => {
      const headers = { authorization: `Bearer ${await sign({ ...good(), ...claims })}` }
      return (await send(server.port, 'POST', path, { json, headers })).body.detail
    }
    const location = { x: 1, y: 1 }
    expect(await detailOf({ scope: 'location:read' }, '/rooms/budget/location', location)).toContain('"location:write"')
    expect(await detailOf({ rooms: ['plan'] }, '/rooms/budget/location', location)).toContain('"budget"')
    expect(await detailOf({}, '/rooms/budget/location', { ...location, user: 'bob' })).toContain('"bob"')
  })

  test('accepts a bearer token from a page of any origin', async () => {
    const headers = { authorization: `Bearer ${await sign(good())}`, origin: 'https://elsewhere.example' }
    for (const { method, path, json } of routesOf(room).filter(({ path }) => !path.endsWith('/sse'))) {
      const { status } = await send(server.port, method, path, { headers, ...(json !== undefined && { json }) })
      expect(status).toBeLessThan(300)
    }
  })

  test('refuses a change by cookie without an Origin header or from a foreign origin', async () => {
    const cookie = `colocate_token=${await sign(good())}`
    for (const { method, path, json } of routesOf(room).filter(({ method }) => !['GET', 'HEAD'].includes(method))) {
      const parts = json === undefined ? {} : { json }
      for (const headers of [{ cookie }, { cookie, origin: 'https://evil.example' }, { cookie, origin: 'null' }])
        expectProblem(await send(server.port, method, path, { ...parts, headers }), 403)
    }
  })

  test('prefers a bearer token or the query’s token to the cookie’s', async () => {
    const path = `/rooms/${room}/location`
    const cookie = `colocate_token=${await sign(good())}`
    expect((await send(server.port, 'GET', path, { headers: { cookie, authorization: 'Bearer x' } })).status).toBe(401)
    expect((await send(server.port, 'GET', `${path}?access_token=x`, { headers: { cookie } })).status).toBe(401)
    expect((await send(server.port, 'GET', path, { headers: { cookie, authorization: 'Basic eDp5' } })).status).toBe(
      200,
    )
  })

  test('serves the page, the ticks and the health checks without a token', async () => {
    for (const path of ['/', '/sse?count=1', '/healthz', '/readyz'])
      expect((await send(server.port, 'GET', path)).status).toBe(200)
  })
})

describe('a server with AUTH_JWKS_URL', () => {
  const keySet = {} as KeySet
  const env: Record<string, string> = { AUTH_ISSUER: expected.iss, AUTH_AUDIENCE: expected.aud }
  beforeAll(async () => {
    Object.assign(keySet, await startKeySet())
    env.AUTH_JWKS_URL = keySet.url
  })
  const server = useServer('memory', env)
  afterAll(() => keySet.stop())
  const room = `r${nanoid()}`
  const make = (claims: JWTPayload) => sign(claims, keySet.privateKey, { alg: 'RS256', kid: 'one' })

  test('accepts a valid token on every route', async () => {
    const token = await make(good())
    for (const route of routesOf(room)) expect(await statusOf(server.port, route, 'bearer', token)).toBeLessThan(300)
  })

  test('answers 401 on every route to an invalid token, and does not fetch the keys again for each of them', async () => {
    const claims = good()
    const other = await startKeySet()
    const rs256 = { alg: 'RS256', kid: 'one' }
    const tokens = new Map([
      ...(garbage() as [string, string][]),
      ['expired', await make({ ...claims, exp: nowSeconds() - 1 })],
      ['not yet valid', await make({ ...claims, nbf: nowSeconds() + 90 })],
      ['without exp', await make(withoutExp)],
      ['signed with another key', await sign(claims, other.privateKey, rs256)],
      ['with an unknown kid', await sign(claims, other.privateKey, { alg: 'RS256', kid: 'two' })],
      ['with a key set of its own', await sign(claims, other.privateKey, { ...rs256, jku: other.url })],
      ['the public key as the secret', await sign(claims, keySet.pem, { kid: 'one' })],
      ['the public key as the secret, trimmed', await sign(claims, keySet.pem.trim(), { kid: 'one' })],
      ['the public key as the secret, without a kid', await sign(claims, keySet.pem)],
      ['for another audience', await make({ ...claims, aud: 'other' })],
      ['from another issuer', await make({ ...claims, iss: 'other' })],
      ['alg none', unsigned({ alg: 'none', kid: 'one' }, claims)],
    ])
    const before = keySet.fetches
    const { requests, wrong } = await sendAll(server.port, [room], tokens, 401)
    process.stdout.write(
      `key set: invalid tokens=${tokens.size} requests=${requests} wrong answers=${wrong.length} fetches=${keySet.fetches - before} fetches of the foreign key set=${other.fetches}\n`,
    )
    expect(wrong).toEqual([])
    expect(keySet.fetches).toBeLessThanOrEqual(2)
    expect(other.fetches).toBe(0)
    await other.stop()
  }, 60_000)

  test('answers 403 on every route to a valid token without access', async () => {
    const { requests, wrong } = await sendAll(server.port, [room], await tokensWithoutAccess(room, make), 403)
    process.stdout.write(`key set: valid tokens without access: requests=${requests} wrong answers=${wrong.length}\n`)
    expect(wrong).toEqual([])
  })
})

describe('a server that cannot fetch its key set', () => {
  const keySet = {} as KeySet
  const env: Record<string, string> = {}
  beforeAll(async () => {
    Object.assign(keySet, await startKeySet())
    env.AUTH_JWKS_URL = keySet.url.replace('/keys', '/none')
    await keySet.stop()
  })
  const server = useServer('memory', env)

  test('answers a request with 503 and a stream with a retry line, and logs the failure once', async () => {
    const token = await sign(aliceClaims(), keySet.privateKey, { alg: 'RS256', kid: 'one' })
    const headers = { authorization: `Bearer ${token}` }
    const answer = await send(server.port, 'GET', '/location', { headers })
    expectProblem(answer, 503)
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    const stream = await openStream(`${server.url}/location/sse`, { headers })
    await stream.ended()
    expect([stream.status, stream.text]).toEqual([200, expect.stringMatching(/^retry: \d+\n$/)])
    const failures = () => server.log.filter(({ msg }) => msg === 'token keys could not be fetched').length
    await waitFor('the failure is logged', () => failures() > 0)
    expect(failures()).toBe(1)
  })
})
