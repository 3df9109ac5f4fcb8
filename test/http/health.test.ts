/** `/healthz` and `/readyz`, as a load balancer asks them. */
import { expect, test } from '@jest/globals'
import request from 'supertest'
import { useServer } from '../support/rooms.ts'

const server = useServer('memory')

test.each([
  ['/healthz', { status: 'alive' }],
  ['/readyz', { status: 'ready' }],
])('%s of a server in memory is 200, and not to be kept', async (path, body) => {
  const answer = await request(server.url).get(path).expect(200).expect('Cache-Control', 'no-store')
  expect(answer.body).toEqual(body)
})
