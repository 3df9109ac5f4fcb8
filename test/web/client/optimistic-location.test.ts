import { expect, test } from '@jest/globals'
import { OptimisticLocation } from '../../../web/client/optimistic-location.ts'

const C3 = { x: 2, y: 2 }
const D4 = { x: 3, y: 3 }

test('what I asked for holds from the moment I ask until its own event is heard', () => {
  const own = new OptimisticLocation()
  own.ask(C3)
  expect(own.asked).toEqual(C3)
  own.answered('2-0')
  own.hear('1-0')
  expect(own.asked).toEqual(C3)
  own.hear('2-0')
  expect(own.asked).toBeUndefined()
})

test('an event that is heard before its answer settles it with the answer', () => {
  const own = new OptimisticLocation()
  own.ask(C3)
  own.hear('2-0')
  expect(own.asked).toEqual(C3)
  own.answered('2-0')
  expect(own.asked).toBeUndefined()
})

test('the late event of an earlier move does not move me back', () => {
  const own = new OptimisticLocation()
  own.ask(C3)
  own.answered('2-0')
  own.ask(D4)
  own.hear('2-0')
  own.answered('3-0')
  expect(own.asked).toEqual(D4)
  own.hear('3-0')
  expect(own.asked).toBeUndefined()
})

test('a stale answer names an event of mine that was heard before, and the log knows better', () => {
  const own = new OptimisticLocation()
  own.hear('5-0')
  own.ask(C3)
  own.answered('5-0')
  expect(own.asked).toBeUndefined()
})

test('a snapshot stands for the event that is awaited, whether it comes after the answer or before', () => {
  const after = new OptimisticLocation()
  after.ask(C3)
  after.answered('2-0')
  after.miss()
  expect(after.asked).toBeUndefined()

  const before = new OptimisticLocation()
  before.ask(C3)
  before.miss()
  expect(before.asked).toEqual(C3)
  before.answered('2-0')
  expect(before.asked).toBeUndefined()
})
