import { expect, test } from '@jest/globals'
import { OptimisticLocation } from '../../../web/client/optimistic-location.ts'

const asked = () => {
  const own = new OptimisticLocation<string>()
  own.ask('here')
  return own
}

test('what I asked for holds until the event that it became is heard', () => {
  const own = asked()
  own.hear('1-0')
  own.answered('2-0')
  expect(own.asked).toBe('here')
  own.hear('1-5')
  expect(own.asked).toBe('here')
  own.hear('2-0')
  expect(own.asked).toBeUndefined()
})

test('the event may come before the answer', () => {
  const own = asked()
  own.hear('2-0')
  expect(own.asked).toBe('here')
  own.answered('2-0')
  expect(own.asked).toBeUndefined()
})

test('a later event settles it, for example when a snapshot left the event out', () => {
  const own = asked()
  own.answered('2-0')
  own.hear('3-0')
  expect(own.asked).toBeUndefined()
})

test('a snapshot settles it when it is at least as new, whichever comes first', () => {
  const own = asked()
  own.answered('5-0')
  own.hear('4-0')
  expect(own.asked).toBe('here')
  own.hear('5-0')
  expect(own.asked).toBeUndefined()
  const other = asked()
  other.hear('9-0')
  other.answered('8-0')
  expect(other.asked).toBeUndefined()
})

test('a newer wish is not settled by the answer to an older one', () => {
  const own = asked()
  own.ask('there')
  own.hear('1-0')
  expect(own.asked).toBe('there')
  own.answered('2-0')
  expect(own.asked).toBe('there')
})
