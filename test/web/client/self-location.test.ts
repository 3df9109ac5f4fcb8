import { expect, test } from '@jest/globals'
import type { Entry } from '../../../web/client/entries.ts'
import { RoomState } from '../../../web/client/room-state.ts'
import { SelfLocation } from '../../../web/client/self-location.ts'
import type { RoomEvent } from '../../../web/wire.ts'
import { locationOf } from '../../support/scripted-server.ts'

/** My location and a log, in the order in which a room tells them. */
function setUp(identity = { user: 'me' } as { user?: string; name?: string }) {
  const state = new RoomState<{ editing?: boolean }>()
  const me = new SelfLocation<{ editing?: boolean }>(identity, user => state.get(user))
  let n = 0
  const hear = (event: RoomEvent) => {
    const entry: Entry = { id: `${++n}-0`, event }
    state.apply(entry)
    me.hear(entry)
    return entry.id
  }
  const moved = (x: number, at = 1_000 + n) => hear({ type: 'location', ...locationOf('me', { x, y: 0 }), at })
  return { me, hear, moved }
}

test('what I asked for is shown at once, and what a move leaves out stays', () => {
  const { me } = setUp()
  expect(me.shown).toBeUndefined()
  expect(() => me.move({ x: 1 })).toThrow(TypeError)
  expect(me.move({ x: 1, y: 2, meta: { editing: true } })).toBe(true)
  me.move({ x: 3 })
  expect(me.shown).toMatchObject({ user: 'me', name: 'me', x: 3, y: 2, meta: { editing: true } })
  me.move({ meta: null })
  expect(me.shown).not.toHaveProperty('meta')
  expect(me.draft()).toEqual({ user: 'me', name: undefined, color: undefined, x: 3, y: 2 })
})

test('asking for what I asked for is nothing new', () => {
  const { me } = setUp()
  me.move({ x: 1, y: 2, meta: { editing: true } })
  const { shown } = me
  expect(me.move({ x: 1, meta: { editing: true } })).toBe(false)
  expect(me.update({})).toBe(false)
  expect(me.shown).toBe(shown)
})

test('my marker does not jump back to an older event, and follows the log once my move is in it', () => {
  const { me, moved } = setUp()
  me.move({ x: 1, y: 0 })
  me.move({ x: 2 })
  moved(1)
  expect(me.shown?.x).toBe(2)
  me.answered(moved(2))
  expect(me.shown?.at).toBeLessThan(2_000)
  moved(9)
  expect(me.shown?.x).toBe(9)
  me.move({ y: 5 })
  expect(me.shown).toMatchObject({ x: 9, y: 5 })
})

test('removed by another client I watch; a lease that ran out leaves me missing', () => {
  const { me, hear, moved } = setUp()
  me.move({ x: 1, y: 0 })
  me.answered(moved(1))
  expect(me.isMissing).toBe(false)
  hear({ type: 'leave', user: 'me', reason: 'expired' })
  expect(me.isMissing).toBe(true)
  me.restore()
  me.answered(moved(1))
  hear({ type: 'leave', user: 'me', reason: 'left' })
  expect([me.isMissing, me.shown]).toEqual([false, undefined])
})

test('a refused move leaves me where the log has me', () => {
  const { me, moved } = setUp()
  me.move({ x: 1, y: 0 })
  me.answered(moved(1))
  me.move({ x: 2 })
  me.giveUp()
  expect(me.shown?.x).toBe(1)
  expect(me.move({ x: 2 })).toBe(true)
})

test('a log that went back has lost my move', () => {
  const { me, hear, moved } = setUp()
  me.move({ x: 1, y: 0 })
  me.answered(moved(1))
  me.move({ x: 2 })
  me.answered(moved(2))
  hear({ type: 'snapshot', reason: 'reset', locations: [{ ...locationOf('me', { x: 1, y: 0 }), at: 1_000 }] })
  expect(me.isMissing).toBe(true)
  expect(me.shown?.x).toBe(2)
})

test('who I am becomes known after I asked', () => {
  const { me } = setUp({})
  me.move({ x: 1, y: 0 })
  expect(me.shown).toMatchObject({ user: '', name: '' })
  me.identify('abc')
  expect(me.shown).toMatchObject({ user: 'abc', name: 'abc', x: 1 })
})
