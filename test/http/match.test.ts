/** Which routes a path matches. */
import { describe, expect, test } from '@jest/globals'
import { createMatcher } from '../../server/http/match.ts'
import { type Route, route } from '../../server/http/route.ts'

const row = (method: Route['method'], path: string, answer: Route['answer'] = 'json') =>
  route({ method, path, answer, handler: () => {} })

const match = createMatcher([
  row('GET', '/'),
  row('GET', '/location'),
  row('GET', '/location/sse', 'event-source'),
  row('DELETE', '/location/:user'),
  row('GET', '/rooms/:room/location'),
  row('DELETE', '/rooms/:room/location/:user'),
])

const matched = (path: string) => match(path).map(({ routes, params }) => ({ methods: [...routes.keys()], params }))

describe('a path', () => {
  test.each([
    ['/', ['GET', 'HEAD']],
    ['/location', ['GET', 'HEAD']],
    ['/location/', ['GET', 'HEAD']],
  ])('%s matches its route, and its GET route answers HEAD too', (path, methods) => {
    expect(matched(path)).toEqual([{ methods, params: {} }])
  })

  test('fills the parameters with its decoded segments', () => {
    expect(matched('/rooms/b%3Aget/location/al%20ice')).toEqual([
      { methods: ['DELETE'], params: { room: 'b:get', user: 'al ice' } },
    ])
  })

  test('matches the literal route first, and the parameter after it', () => {
    expect(matched('/location/sse')).toEqual([
      { methods: ['GET'], params: {} },
      { methods: ['DELETE'], params: { user: 'sse' } },
    ])
  })

  test.each(['', '/rooms', '/rooms//location', '/location//', '/location/a/b', '/Location', '/rooms/budget'])(
    '"%s" matches nothing',
    path => {
      expect(matched(path)).toEqual([])
    },
  )

  test('that is not valid percent-encoding is refused with 400', () => {
    expect(() => match('/location/%zz')).toThrow(expect.objectContaining({ status: 400 }))
  })
})
