import { expect, test } from '@jest/globals'
import { OptimisticLocation } from '../../../web/client/optimistic-location.ts'

const C3 = { x: 2, y: 2 }
const D4 = { x: 3, y: 3 }

test('a requested location is pending until its own event arrives', () => {
  const own = new OptimisticLocation()
  own.request(C3)
  expect(own.pending).toEqual(C3)
  own.confirm('2-0')
  own.receive('1-0')
  expect(own.pending).toEqual(C3)
  own.receive('2-0')
  expect(own.pending).toBeUndefined()
})

test('an event that arrives before the response clears the pending location with the response', () => {
  const own = new OptimisticLocation()
  own.request(C3)
  own.receive('2-0')
  expect(own.pending).toEqual(C3)
  own.confirm('2-0')
  expect(own.pending).toBeUndefined()
})

test('the late event of an earlier request does not clear the pending location', () => {
  const own = new OptimisticLocation()
  own.request(C3)
  own.confirm('2-0')
  own.request(D4)
  own.receive('2-0')
  own.confirm('3-0')
  expect(own.pending).toEqual(D4)
  own.receive('3-0')
  expect(own.pending).toBeUndefined()
})

test('a stale response with the id of an earlier event clears the pending location', () => {
  const own = new OptimisticLocation()
  own.receive('5-0')
  own.request(C3)
  own.confirm('5-0')
  expect(own.pending).toBeUndefined()
})

test('a snapshot replaces the awaited event, whether it arrives before or after the response', () => {
  const after = new OptimisticLocation()
  after.request(C3)
  after.confirm('2-0')
  after.skip()
  expect(after.pending).toBeUndefined()

  const before = new OptimisticLocation()
  before.request(C3)
  before.skip()
  expect(before.pending).toEqual(C3)
  before.confirm('2-0')
  expect(before.pending).toBeUndefined()
})
