/** How announcements and log entries from Redis are parsed. */
import { describe, expect, test } from '@jest/globals'
import { announcementOf, eventsOf } from '../../../server/broker/redis/announcement.ts'

describe('an announcement', () => {
  test('is parsed into the id before its events and the fields of each event, in any script', () => {
    const payload = Buffer.from('1-0\n1-1\tann\t\t{"name":"Änn 🦊"}\n1-2\tbob\tleft\t')
    expect(announcementOf(payload)).toEqual({
      after: '1-0',
      events: [
        { id: '1-1', key: 'ann', value: '{"name":"Änn 🦊"}', reason: '' },
        { id: '1-2', key: 'bob', value: null, reason: 'left' },
      ],
    })
  })

  test('of a new log consists of an id and no events', () => {
    expect(announcementOf(Buffer.from('1-7'))).toEqual({ after: '1-7', events: [] })
  })
})

test('the entries of a Redis stream are parsed into events, and gap entries are skipped', () => {
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
