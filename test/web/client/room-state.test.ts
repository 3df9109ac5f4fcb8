import { expect, test } from '@jest/globals'
import { RoomState } from '../../../web/client/room-state.ts'
import type { Location, RoomEvent } from '../../../web/wire.ts'

const at = (user: string, x: number, more: Partial<Location> = {}): Location => ({
  user,
  name: user,
  color: '#112233',
  x,
  y: 0,
  at: 1,
  ...more,
})
const moved = (location: Location): RoomEvent => ({ type: 'location', ...location })
const snapshot = (...locations: Location[]): RoomEvent => ({ type: 'snapshot', reason: 'joined', locations })

function setUp(...locations: Location[]) {
  const state = new RoomState()
  const apply = (event: RoomEvent) => state.apply({ id: '1-0', event })
  apply(snapshot(...locations))
  return { state, apply }
}

const told = (changes: ReturnType<RoomState<object>['apply']>) =>
  changes.map(({ type, collaborator, previous, reason }) => [
    type,
    collaborator.user,
    collaborator.x,
    previous?.x,
    reason,
  ])

test('a first location enters, a later one moves, and a leave leaves, each with the location before', () => {
  const { apply } = setUp()
  expect(told(apply(moved(at('bob', 1))))).toEqual([['enter', 'bob', 1, undefined, undefined]])
  expect(told(apply(moved(at('bob', 2))))).toEqual([['move', 'bob', 2, 1, undefined]])
  expect(told(apply({ type: 'leave', user: 'bob', reason: 'expired' }))).toEqual([['leave', 'bob', 2, 2, 'expired']])
  expect(apply({ type: 'leave', user: 'bob', reason: 'left' })).toEqual([])
})

test('a snapshot shows only what is different, as sync', () => {
  const { state, apply } = setUp(at('bob', 1), at('carol', 1), at('dan', 1, { meta: { to: { x: 1 } } }))
  const [bob, , dan] = state.others(undefined)
  const changes = apply(snapshot(at('dan', 1, { meta: { to: { x: 1 } }, at: 9 }), at('erin', 1), at('bob', 1)))
  expect(told(changes)).toEqual([
    ['leave', 'carol', 1, 1, 'sync'],
    ['enter', 'erin', 1, undefined, 'sync'],
  ])
  expect(state.get('bob')).toBe(bob)
  expect(state.get('dan')).toBe(dan)
  expect(told(apply(snapshot(at('dan', 1), at('erin', 1), at('bob', 1)))).map(([type]) => type)).toEqual(['move'])
})

test('a name, a color or meta is a difference; the time alone is none, but it is kept', () => {
  const { state, apply } = setUp(at('bob', 1))
  for (const more of [{ name: 'Bob' }, { color: '#445566' }, { meta: { editing: true } }])
    expect(told(apply(moved(at('bob', 1, more)))).map(([type]) => type)).toEqual(['move'])
  expect(apply(moved(at('bob', 1, { meta: { editing: true }, at: 7 })))).toEqual([])
  expect(state.get('bob')?.at).toBe(7)
})

test('others are everyone but me, by when they came, whatever moves', () => {
  const { state, apply } = setUp(at('bob', 1), at('me', 1))
  apply(moved(at('carol', 1)))
  apply(moved(at('bob', 2)))
  expect(state.others('me').map(({ user }) => user)).toEqual(['bob', 'carol'])
  expect(state.all()).toHaveLength(3)
})

test('events that say nothing of locations, or are unknown, change nothing', () => {
  const { apply } = setUp(at('bob', 1))
  for (const event of [{ type: 'resumed', missed: 3 }, { type: 'ping' }, { type: 'new' }] as RoomEvent[])
    expect(apply(event)).toEqual([])
})
