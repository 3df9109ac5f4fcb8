import { expect, test } from '@jest/globals'
import { fold, type WhoIsWhere } from '../../../web/client/fold.ts'
import type { Location } from '../../../web/wire.ts'

const at = (user: string, x: number, y: number): Location => ({ user, name: user, color: '#e4572e', x, y, at: 1 })

const room = (...locations: Location[]): WhoIsWhere => new Map(locations.map(location => [location.user, location]))

test('a location puts its collaborator there, without the type of the event', () => {
  const who = room(at('alice', 0, 0))
  const touched = fold(who, { type: 'location', ...at('alice', 2, 2), meta: { editing: true } })
  expect(who.get('alice')).toEqual({ ...at('alice', 2, 2), meta: { editing: true } })
  expect([...touched]).toEqual(['alice'])
})

test('a location is whole: what it leaves out is gone', () => {
  const who = room({ ...at('alice', 0, 0), meta: { editing: true } })
  fold(who, { type: 'location', ...at('alice', 0, 0) })
  expect(who.get('alice')).not.toHaveProperty('meta')
})

test('a leave takes its collaborator out, and one of somebody unknown touches nobody', () => {
  const who = room(at('alice', 0, 0), at('bob', 1, 1))
  expect([...fold(who, { type: 'leave', user: 'alice', reason: 'closed' })]).toEqual(['alice'])
  expect([...fold(who, { type: 'leave', user: 'alice', reason: 'expired' })]).toEqual([])
  expect([...who.keys()]).toEqual(['bob'])
})

test('a snapshot replaces everyone, and touches those who came and those who are gone', () => {
  const who = room(at('alice', 0, 0), at('bob', 1, 1))
  const touched = fold(who, { type: 'snapshot', reason: 'reset', locations: [at('bob', 4, 4), at('carol', 2, 2)] })
  expect([...who.values()]).toEqual([at('bob', 4, 4), at('carol', 2, 2)])
  expect([...touched].sort()).toEqual(['alice', 'bob', 'carol'])
})

test('a resume, a ping and an event of a later version change nothing', () => {
  const who = room(at('alice', 0, 0))
  for (const event of [{ type: 'resumed', missed: 3 } as const, { type: 'ping' } as const, { type: 'wave' } as never]) {
    expect(fold(who, event).size).toBe(0)
  }
  expect([...who.values()]).toEqual([at('alice', 0, 0)])
})

test('a collaborator may be called like a property of every object', () => {
  const who = room()
  fold(who, { type: 'location', ...at('__proto__', 3, 3) })
  expect(who.get('__proto__')).toEqual(at('__proto__', 3, 3))
  expect(who.has('constructor')).toBe(false)
})
