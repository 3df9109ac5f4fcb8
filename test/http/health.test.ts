/** `/healthz` and `/readyz`, as a load balancer requests them, and `/openapi.json`. */
import { expect, test } from '@jest/globals'
import request from 'supertest'
import { useServer } from '../support/rooms.ts'
import { startServer } from '../support/server.ts'

const server = useServer('memory')

test.each([
  ['/healthz', { status: 'alive' }],
  ['/readyz', { status: 'ready' }],
])('%s of a server with the memory store answers 200 and is not cacheable', async (path, body) => {
  const answer = await request(server.url).get(path).expect(200).expect('Cache-Control', 'no-store')
  expect(answer.body).toEqual(body)
})

test('/openapi.json describes every path and the fields of a location', async () => {
  const { body } = await request(server.url).get('/openapi.json').expect(200)
  expect(body.openapi).toBe('3.1.0')
  expect(Object.keys(body.paths)).toEqual(
    expect.arrayContaining(['/rooms/{room}/location', '/location/sse', '/sse', '/forward-sse/{run}', '/readyz']),
  )
  const [location] = body.paths['/location'].post.requestBody.content['application/json'].schema.anyOf
  expect(location.required).toEqual(['x', 'y'])
  expect('#E4572E').toMatch(new RegExp(location.properties.color.pattern))
  expect(location.properties.name).toMatchObject({ maxLength: 64 })
  expect(JSON.stringify(location.properties.meta)).toContain('"object"')
  expect('Zoë 😀').toMatch(new RegExp(location.properties.user.pattern))
  expect('a\u0085').not.toMatch(new RegExp(location.properties.user.pattern))
  const [interval] = body.paths['/sse'].get.parameters.filter(({ name }: { name: string }) => name === 'interval')
  expect(interval.schema).toMatchObject({ minimum: 10, maximum: 10_000 })
})

test('/openapi.json describes the headers that clients send and read', async () => {
  const relay = await startServer({ RELAY_UPSTREAMS: '[{"prefix":"https://example.com/v1/"}]' })
  try {
    const { body } = await request(relay.url).get('/openapi.json').expect(200)
    const parameters = (path: string, method: string): { in: string; name: string; schema: { pattern?: string } }[] =>
      body.paths[path][method].parameters ?? []
    const headers = (path: string, method: string) =>
      parameters(path, method)
        .filter(parameter => parameter.in === 'header')
        .map(({ name }) => name)
    expect(headers('/forward-sse', 'post')).toEqual(['Idempotency-Key', 'Last-Event-ID'])
    for (const [path, method] of [
      ['/rooms/{room}/location/sse', 'get'],
      ['/rooms/{room}/location/sse', 'post'],
      ['/sse', 'get'],
      ['/forward-sse/{run}', 'get'],
    ] as const) {
      expect(headers(path, method)).toEqual(['Last-Event-ID'])
    }
    const { responses } = body.paths['/forward-sse'].post
    expect(Object.keys(responses['200'].headers)).toEqual(['Location'])
    expect(Object.keys(responses.default.headers)).toEqual(expect.arrayContaining(['Retry-After', 'RateLimit']))
    const [room] = parameters('/rooms/{room}/location', 'get')
    expect('budget').toMatch(new RegExp(room?.schema.pattern ?? '$^'))
    expect('..').not.toMatch(new RegExp(room?.schema.pattern ?? ''))
  } finally {
    await relay.stop()
  }
})
