import { expect, test } from '@jest/globals'
import { parseEvent, SnapshotAssembler } from '../../../web/client/entries.ts'
import { isAbove } from '../../../web/client/event-ids.ts'
import { RecentEntries } from '../../../web/client/recent-entries.ts'
import type { Location, RoomEvent } from '../../../web/wire.ts'

const at = (user: string): Location => ({ user, name: user, color: '#112233', x: 1, y: 1, at: 1 })
const snapshot = (...users: string[]): RoomEvent => ({ type: 'snapshot', reason: 'behind', locations: users.map(at) })
const location = (user: string): RoomEvent => ({ type: 'location', ...at(user) })

test('a snapshot with an id is whole', () => {
  const assembler = new SnapshotAssembler()
  expect(assembler.push(snapshot('a'), '1-0')).toEqual([{ id: '1-0', event: snapshot('a') }])
  expect(assembler.push(location('b'), '2-0')).toEqual([{ id: '2-0', event: location('b') }])
})

test('the parts of a snapshot become one, with the id of the last', () => {
  const assembler = new SnapshotAssembler()
  expect(assembler.push(snapshot('a', 'b'), '')).toEqual([])
  expect(assembler.push(location('c'), '')).toEqual([])
  expect(assembler.push(location('d'), '7-0')).toEqual([{ id: '7-0', event: snapshot('a', 'b', 'c', 'd') }])
  expect(assembler.push(location('e'), '8-0')).toEqual([{ id: '8-0', event: location('e') }])
})

test('only an object with a type is an event', () => {
  expect(parseEvent('{"type":"ping"}')).toEqual({ type: 'ping' })
  for (const data of ['', 'null', '7', '"x"', '{}', '{"type":1}', '<html>']) expect(parseEvent(data)).toBeUndefined()
})

test.each([
  ['2-0', '1-0', true],
  ['1-1', '1-0', true],
  ['10-0', '9-99', true],
  ['1-0', '1-0', false],
  ['1-0', '1-1', false],
  ['1763690000123-5', '1763690000456-0', false],
  ['7', '6', true],
  ['6', '7', false],
  ['unknown', '7', true],
])('%s above %s: %s', (id, other, is) => {
  expect(isAbove(id, other)).toBe(is)
})

test('a tab is given what follows its last id, and nothing of which a part is missing', () => {
  const recent = new RecentEntries()
  recent.push({ id: '1-0', event: snapshot() })
  for (let n = 2; n <= 5; n++) recent.push({ id: `${n}-0`, event: location(`user-${n}`) })
  const ids = (after: string) => recent.after(after)?.map(({ id }) => id)
  expect(ids('1-0')).toEqual(['2-0', '3-0', '4-0', '5-0'])
  expect(ids('4-0')).toEqual(['5-0'])
  expect(ids('5-0')).toEqual([])
  for (const unknown of ['', '0-9', '6-0']) expect(ids(unknown)).toBeUndefined()
  for (let n = 6; n <= 600; n++) recent.push({ id: `${n}-0`, event: location('bob') })
  expect(ids('5-0')).toBeUndefined()
  expect(ids('500-0')).toHaveLength(100)
  expect(recent.lastEventId).toBe('600-0')
})
