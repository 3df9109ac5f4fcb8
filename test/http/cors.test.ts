/** The checks of the Origin and Host headers, and the CORS headers of the answers. */
import { describe, expect, test } from '@jest/globals'
import { nanoid } from 'nanoid'
import { type Answer, expectProblem, type RequestParts, send } from '../support/requests.ts'
import { useServer } from '../support/rooms.ts'
import { routesOf } from '../support/routes.ts'
import { isMounted } from '../support/server.ts'
import { openStream } from '../support/streams.ts'
import { aliceClaims, secret, sign } from '../support/tokens.ts'

const listed = 'https://app.example'
const hostile = [
  'https://evil.example',
  'http://app.example',
  'https://app.example:8443',
  'https://app.example.evil.example',
  'https://evil-app.example',
  'https://evilapp.example',
  'https://app.example@evil.example',
  'https://APP.example',
  'https://app.example/',
  `${listed}, https://evil.example`,
  'null',
  '*',
]

const corsHeadersOf = ({ headers }: Answer) =>
  Object.entries(headers).filter(([name]) => name.startsWith('access-control-'))
/** Files of the page also vary by their encoding. */
const variesByOrigin = ({ headers }: Answer) => (headers.vary ?? '').split(', ').includes('Origin')
/** An application answers paths that are not Colocate's itself. */
const unknown = isMounted ? [] : ['/nothing-here']
const statics = ['/', '/healthz', '/readyz', ...unknown].map(path => ({ method: 'GET', path, json: undefined }))

describe.each([
  ['without authentication', {}],
  ['with AUTH_SECRET', { AUTH_SECRET: secret }],
])('a server %s', (_, env) => {
  const server = useServer('memory', { CORS_ORIGINS: `${listed},https://other.example`, ...env })
  const room = `r${nanoid()}`
  const routes = [
    ...routesOf(room),
    ...routesOf('lobby'),
    ...statics,
    { method: 'GET', path: '/sse?count=1', json: undefined },
  ]

  const sendWithCookie = async (
    method: string,
    path: string,
    json: unknown,
    headers: Record<string, string>,
  ): Promise<Answer> => {
    const token = `colocate_token=${await sign(aliceClaims())}`
    const parts: RequestParts = { headers: { ...headers, cookie: token }, ...(json !== undefined && { json }) }
    if (!path.includes('location/sse')) return send(server.port, method, path, parts)
    const init = { method, headers: { ...headers, cookie: token, 'content-type': 'application/json' } }
    const stream = await openStream(
      server.url + path,
      json === undefined ? init : { ...init, body: JSON.stringify(json) },
    )
    stream.close()
    return { status: stream.status, headers: Object.fromEntries(stream.headers), text: '', body: {} }
  }

  test('sends no CORS headers to any of 12 hostile origins and refuses their changes, on every route', async () => {
    let requests = 0
    const wrong: string[] = []
    for (const origin of hostile) {
      for (const { method, path, json } of routes) {
        const isChange = method === 'POST' || method === 'DELETE'
        const preflight = { origin, 'access-control-request-method': method }
        const answers = [
          await sendWithCookie(method, path, json, { origin }),
          await send(server.port, 'OPTIONS', path, { headers: preflight }),
        ]
        requests += answers.length
        if (isChange && answers[0]?.status !== 403)
          wrong.push(`${method} ${path} from ${origin}: ${answers[0]?.status}`)
        for (const answer of answers) {
          if (corsHeadersOf(answer).length > 0)
            wrong.push(`${method} ${path} grants ${origin} ${corsHeadersOf(answer)}`)
          if (!variesByOrigin(answer)) wrong.push(`${method} ${path} from ${origin} varies by ${answer.headers.vary}`)
        }
      }
    }
    process.stdout.write(`${hostile.length} hostile origins: requests=${requests} wrong answers=${wrong.length}\n`)
    expect(wrong).toEqual([])
  })

  test('allows a listed origin on every route, and names the methods and headers that it may use', async () => {
    for (const { method, path, json } of routes) {
      const answer = await sendWithCookie(method, path, json, { origin: listed })
      expect([method, path, answer.status]).not.toEqual([method, path, 403])
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': listed,
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': 'Location, Retry-After, RateLimit',
        vary: expect.stringMatching(/\bOrigin\b/),
      })
      const requestedHeaders = 'authorization, baggage, sentry-trace, traceparent'
      const headers = {
        origin: listed,
        'access-control-request-method': method,
        'access-control-request-headers': requestedHeaders,
      }
      const preflight = await send(server.port, 'OPTIONS', path, { headers })
      expect(preflight.status).toBe(204)
      expect(preflight.headers).toMatchObject({
        'access-control-allow-origin': listed,
        'access-control-allow-credentials': 'true',
        'access-control-allow-headers': requestedHeaders,
        'access-control-allow-methods': expect.stringContaining(method),
        vary: expect.stringMatching(/\bOrigin\b/),
      })
    }
  })

  test('sends Vary: Origin even to a request without an Origin header', async () => {
    for (const { path } of statics) {
      const answer = await send(server.port, 'GET', path)
      expect([variesByOrigin(answer), corsHeadersOf(answer)]).toEqual([true, []])
    }
  })

  test('sends helmet’s headers with every answer', async () => {
    for (const { method, path, json } of routes) {
      const { headers } = await sendWithCookie(method, path, json, { origin: listed })
      expect([path, headers['x-content-type-options']]).toEqual([path, 'nosniff'])
      expect(headers['content-security-policy']).toContain("default-src 'self'")
      expect(headers['x-powered-by']).toBeUndefined()
    }
  })
})

describe('a server on loopback without authentication', () => {
  const server = useServer('memory')

  test.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evillocalhost',
    '10.0.0.1',
    '128.0.0.1',
    '[::2]',
    '0.0.0.0',
  ])('refuses the Host %s, which DNS rebinding could point to this machine', async name => {
    const host = `${name}:${server.port}`
    for (const { method, path, json } of [...routesOf('r'), ...statics]) {
      const parts = { headers: { host, origin: `http://${host}` }, ...(json !== undefined && { json }) }
      const answer = await send(server.port, method, path, parts)
      if (method === 'HEAD') expect(answer.status).toBe(403)
      else expectProblem(answer, 403)
    }
  })

  test.each(['http://localhost:5173', 'https://app.localhost', 'http://127.0.0.1:8080', 'http://[::1]:3001'])(
    'allows changes from the loopback origin %s',
    async origin => {
      const json = { user: 'alice', x: 1, y: 1 }
      const answer = await send(server.port, 'POST', '/location', { headers: { origin }, json })
      expect(answer.status).toBe(200)
      expect(answer.headers['access-control-allow-origin']).toBe(origin)
    },
  )

  test.each(['http://localhost.evil.example', 'https://evil.example', 'http://127.0.0.1.evil.example', 'null'])(
    'refuses changes from the origin %s, and names CORS_ORIGINS',
    async origin => {
      const json = { user: 'alice', x: 1, y: 1 }
      const answer = await send(server.port, 'POST', '/location', { headers: { origin }, json })
      expectProblem(answer, 403)
      expect(answer.body.detail).toContain(`"${origin}"`)
      expect(answer.body.detail).toContain(`127.0.0.1:${server.port}`)
      expect(answer.body.detail).toContain('CORS_ORIGINS')
    },
  )

  test.each(['localhost', 'LOCALHOST', 'app.localhost', '127.0.0.1', '127.9.9.9', '[::1]'])(
    'accepts the Host %s',
    async name => {
      for (const host of [name, `${name}:${server.port}`])
        expect((await send(server.port, 'GET', '/location', { headers: { host } })).status).toBe(200)
    },
  )
})

describe.each([
  ['with AUTH=off', { AUTH: 'off' }, 200],
  ['with AUTH_SECRET', { AUTH_SECRET: secret }, 401],
] as const)('a server %s', (_, env, status) => {
  const server = useServer('memory', env)

  test('accepts any Host, because it may run behind a proxy', async () => {
    const headers = { host: 'colocate.example' }
    expect((await send(server.port, 'GET', '/location', { headers })).status).toBe(status)
  })
})
