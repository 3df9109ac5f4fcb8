/** Paths and methods: 404, 405 with `Allow`, OPTIONS, HEAD and the headers of every answer. */
import { describe, expect, test } from '@jest/globals'
import { expectProblem, send } from '../support/requests.ts'
import { useServer } from '../support/rooms.ts'

const all = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']

describe('a path', () => {
  const server = useServer('memory')

  test.each([
    '/nothing',
    '/rooms',
    '/rooms/budget',
    '/rooms//location',
    '/rooms/budget/locations',
    '/rooms/budget/location/sse/more',
    '/rooms/budget/Location',
    '/Location',
    '/location/sse/more',
    '/sse/more',
    '/healthz/more',
    '/Healthz',
    '/..%2fserver%2fmain.js',
    '/..%2f..%2fpackage.json',
    '/%2e%2e/server/main.js',
    '/../server/main.js',
    '/.env',
    '/index.html%00',
  ])('%s matches no route and is answered with a problem for every method', async path => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const answer = await send(server.port, method, path)
      expect(answer.status === 400 || answer.status === 403 || answer.status === 404).toBe(true)
      expectProblem(answer, answer.status)
    }
  })

  test.each([
    ['/location', ['GET', 'HEAD', 'POST']],
    ['/rooms/budget/location', ['GET', 'HEAD', 'POST']],
    ['/rooms/budget/location/', ['GET', 'HEAD', 'POST']],
    ['/rooms/budget/location/sse', ['GET', 'POST', 'DELETE']],
    ['/rooms/budget/location/alive', ['POST', 'DELETE']],
    ['/rooms/budget/location/alice', ['DELETE']],
    ['/location/alice', ['DELETE']],
    ['/sse', ['GET', 'POST']],
    ['/healthz', ['GET', 'HEAD']],
    ['/readyz', ['GET', 'HEAD']],
    ['/', ['GET', 'HEAD']],
    ['/index.html', ['GET', 'HEAD']],
  ])('%s answers every method but its own with 405, and lists its own in Allow', async (path, own) => {
    for (const method of all.filter(name => !own.includes(name))) {
      const answer = await send(server.port, method, path)
      const allow = (answer.headers.allow ?? '').split(', ').filter(name => name !== 'OPTIONS')
      expect({ method, status: answer.status, allow: allow.sort() }).toEqual({ method, status: 405, allow: own.sort() })
      if (method !== 'HEAD') expectProblem(answer, 405)
    }
  })

  test.each(['/location', '/rooms/budget/location?x=1', '/healthz', ''])(
    'may follow an origin, as in requests to a proxy: %s',
    async path => {
      const answer = await send(server.port, 'GET', `http://127.0.0.1:${server.port}${path}`)
      expect(answer).toMatchObject({ status: 200, text: (await send(server.port, 'GET', path || '/')).text })
    },
  )

  test('answers OPTIONS with its methods', async () => {
    for (const [path, method] of [
      ['/location', 'POST'],
      ['/location/sse', 'GET'],
      ['/sse', 'GET'],
    ] as const) {
      const { status, headers } = await send(server.port, 'OPTIONS', path)
      expect({ status, allow: headers.allow?.split(', ') }).toEqual({
        status: 204,
        allow: expect.arrayContaining([method]),
      })
    }
  })

  test('answers HEAD like GET, without the body', async () => {
    for (const path of ['/', '/location', '/healthz', '/readyz']) {
      const [head, get] = [await send(server.port, 'HEAD', path), await send(server.port, 'GET', path)]
      expect({ status: head.status, text: head.text, type: head.headers['content-type'] }).toEqual({
        status: 200,
        text: '',
        type: get.headers['content-type'],
      })
    }
  })

  test('does not reveal the software of the server', async () => {
    for (const path of ['/', '/location', '/nothing', '/rooms/%zz/location']) {
      const { headers } = await send(server.port, 'GET', path)
      expect(headers['x-powered-by']).toBeUndefined()
      expect(headers['x-content-type-options']).toBe('nosniff')
    }
  })

  test('/ serves the page with a policy that allows no other host and does not upgrade to HTTPS', async () => {
    const { status, headers, text } = await send(server.port, 'GET', '/?room=budget&user=alice')
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(/^text\/html\b/)
    const policy = `${headers['content-security-policy']}`
    expect(policy).toContain("default-src 'self'")
    expect(policy).toContain("script-src 'self';")
    expect(policy).not.toContain('upgrade-insecure-requests')
    expect(text).toMatch(/^<!doctype html>/i)
    expect(text).not.toMatch(/<script(?![^>]*\bsrc=)/i)
    expect(text).not.toMatch(/\b(src|href)="(https?:)?\/\//i)
    for (const [, file = ''] of text.matchAll(/\b(?:src|href)="([^"#]+)"/g))
      expect((await fetch(new URL(file, `${server.url}/`))).status).toBe(200)
  })

  test('/healthz or /readyz answers 200 and is not cacheable', async () => {
    for (const path of ['/healthz', '/readyz']) {
      const { status, headers } = await send(server.port, 'GET', path)
      expect({ status, cache: headers['cache-control'] }).toEqual({ status: 200, cache: 'no-store' })
    }
  })
})
