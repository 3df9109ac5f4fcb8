/** `/healthz` and `/readyz`, as a load balancer requests them, and `/openapi.json`. */
import { expect, test } from '@jest/globals'
import request from 'supertest'
import { useServer } from '../support/rooms.ts'

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
})
