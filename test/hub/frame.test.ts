import { expect, test } from '@jest/globals'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { encodeEvent } from '../../server/hub/frame.ts'

test('an event has its fields in the order of the object, and leaves out those that are undefined', () => {
  expect(encodeEvent({ id: '1', event: 'a', data: 'x' })).toBe('id: 1\nevent: a\ndata: x\n\n')
  expect(encodeEvent({ event: 'a', data: 'x', id: '1' })).toBe('event: a\ndata: x\nid: 1\n\n')
  expect(encodeEvent({ id: undefined, event: undefined, data: '' })).toBe('data: \n\n')
})

test.each(['one line', ' with spaces ', 'two\nlines', '\n', 'ends with one\n', '\n\nstarts with two', 'ü 😀'])(
  'a parser reads the data %j as it was',
  data => {
    const events: EventSourceMessage[] = []
    createParser({ onEvent: event => events.push(event) }).feed(encodeEvent({ data }))
    expect(events.map(event => event.data)).toEqual([data])
  },
)

test.each(['a\r\nb', 'a\rb'])('the line break in %j does not end the field', data => {
  expect(encodeEvent({ data })).toBe('data: a\ndata: b\n\n')
})
