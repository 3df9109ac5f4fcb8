/** How events travel through Redis. */
import { describe, expect, test } from '@jest/globals'
import { announcementOf, eventsOf } from '../../../server/broker/redis/announcement.ts'

describe('an announcement', () => {
  test('has the id before its events, and each event’s fields, whatever they are written in', () => {
    const payload = Buffer.from('1-0\n1-1\tann\t\t{"name":"Änn 🦊"}\n1-2\tbob\tleft\t')
    expect(announcementOf(payload)).toEqual({
      after: '1-0',
      events: [
        { id: '1-1', key: 'ann', value: '{"name":"Änn 🦊"}', reason: '' },
        { id: '1-2', key: 'bob', value: null, reason: 'left' },
      ],
    })
  })

  test('of a log that began anew is its id alone', () => {
    expect(announcementOf(Buffer.from('1-7'))).toEqual({ after: '1-7', events: [] })
  })
})

test('of a stream’s entries all but gaps are events', () => {
  expect(
    eventsOf([
      ['1-1', ['gab12', '']],
      ['1-2', ['eab12', 'ann\t\t{"x":1}']],
      ['1-3', ['eab12', 'ann\texpired\t']],
    ]),
  ).toEqual([
    { id: '1-2', key: 'ann', value: '{"x":1}', reason: '' },
    { id: '1-3', key: 'ann', value: null, reason: 'expired' },
  ])
})
