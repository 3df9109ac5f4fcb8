import { expect, test } from '@jest/globals'
import { fold, type LocationsByUser } from '../../../web/client/fold.ts'
import type { Location } from '../../../web/wire.ts'

const locationOf = (user: string, x: number, y: number): Location => ({
  user,
  name: user,
  color: '#e4572e',
  x,
  y,
  at: 1,
})

const room = (...locations: Location[]): LocationsByUser =>
  new Map(locations.map(location => [location.user, location]))

test('a location event sets the collaborator\'s location without the field "type"', () => {
  const locations = room(locationOf('alice', 0, 0))
  const changed = fold(locations, { type: 'location', ...locationOf('alice', 2, 2), meta: { editing: true } })
  expect(locations.get('alice')).toEqual({ ...locationOf('alice', 2, 2), meta: { editing: true } })
  expect([...changed]).toEqual(['alice'])
})

test('a location event replaces the whole location: an omitted meta is removed', () => {
  const locations = room({ ...locationOf('alice', 0, 0), meta: { editing: true } })
  fold(locations, { type: 'location', ...locationOf('alice', 0, 0) })
  expect(locations.get('alice')).not.toHaveProperty('meta')
})

test('a leave removes the collaborator, and the leave of an unknown user changes nothing', () => {
  const locations = room(locationOf('alice', 0, 0), locationOf('bob', 1, 1))
  expect([...fold(locations, { type: 'leave', user: 'alice', reason: 'closed' })]).toEqual(['alice'])
  expect([...fold(locations, { type: 'leave', user: 'alice', reason: 'expired' })]).toEqual([])
  expect([...locations.keys()]).toEqual(['bob'])
})

test('a snapshot replaces the whole map and returns all old and new users', () => {
  const locations = room(locationOf('alice', 0, 0), locationOf('bob', 1, 1))
  const changed = fold(locations, {
    type: 'snapshot',
    reason: 'reset',
    locations: [locationOf('bob', 4, 4), locationOf('carol', 2, 2)],
  })
  expect([...locations.values()]).toEqual([locationOf('bob', 4, 4), locationOf('carol', 2, 2)])
  expect([...changed].sort()).toEqual(['alice', 'bob', 'carol'])
})

test('a resumed event, a ping and an unknown event type change nothing', () => {
  const locations = room(locationOf('alice', 0, 0))
  for (const event of [{ type: 'resumed', missed: 3 } as const, { type: 'ping' } as const, { type: 'wave' } as never]) {
    expect(fold(locations, event).size).toBe(0)
  }
  expect([...locations.values()]).toEqual([locationOf('alice', 0, 0)])
})

test('a user id may be the name of an object property', () => {
  const locations = room()
  fold(locations, { type: 'location', ...locationOf('__proto__', 3, 3) })
  expect(locations.get('__proto__')).toEqual(locationOf('__proto__', 3, 3))
  expect(locations.has('constructor')).toBe(false)
})
