/** The cases of the web platform tests for event streams, with every chunk border. */
import { describe, expect, test } from '@jest/globals'
import { EventStreamParser } from '../../../web/client/event-stream-parser.ts'

interface Parsed {
  events: string[]
  retries: number[]
  lastEventId: string
}

/** Parses the bytes in chunks, as they come from a connection. */
function parse(text: string, borders: number[] = []): Parsed {
  const bytes = new TextEncoder().encode(text)
  const parsed: Parsed = { events: [], retries: [], lastEventId: '' }
  const parser: EventStreamParser = new EventStreamParser({
    onEvent: ({ event, data }) => parsed.events.push(`${event}|${data}|${parser.lastEventId}`),
    onRetry: ms => parsed.retries.push(ms),
  })
  let start = 0
  for (const border of [...borders, bytes.length]) {
    parser.push(bytes.subarray(start, border))
    start = border
  }
  parsed.lastEventId = parser.lastEventId
  return parsed
}

const table: [name: string, text: string, events: string[], retries?: number[]][] = [
  ['one line of data', 'data: hello\n\n', ['message|hello|']],
  ['several lines of data', 'data: a\ndata: b\ndata\n\n', ['message|a\nb\n|']],
  ['no space after the colon', 'data:a\ndata: b\ndata:  c\n\n', ['message|a\nb\n c|']],
  ['a field without a colon', 'data\n\ndata\ndata\n\n', ['message||', 'message|\n|']],
  ['a field with a space before its colon', 'data : a\ndata: b\n\n', ['message|b|']],
  ['an unknown field', 'foo: bar\ndata: a\nDATA: b\n\n', ['message|a|']],
  ['a comment', ': comment\n:\ndata: a\n:data: b\n\n', ['message|a|']],
  ['a colon in the value', 'data: a:b\n\n', ['message|a:b|']],
  ['an event name', 'event: test\ndata: a\n\ndata: b\n\n', ['test|a|', 'message|b|']],
  ['an empty event name', 'event: x\nevent:\ndata: a\n\n', ['message|a|']],
  ['an event without data', 'event: test\n\ndata: a\n\n', ['message|a|']],
  ['LF', 'data: a\ndata: b\n\n', ['message|a\nb|']],
  ['CR', 'data: a\rdata: b\r\r', ['message|a\nb|']],
  ['CRLF', 'data: a\r\ndata: b\r\n\r\n', ['message|a\nb|']],
  ['all line ends', 'data: a\r\ndata: b\rdata: c\n\r\ndata: d\n\r', ['message|a\nb\nc|', 'message|d|']],
  ['a byte order mark', '\u{feff}data: a\n\n', ['message|a|']],
  ['two byte order marks', '\u{feff}\u{feff}data: a\n\ndata: b\n\n', ['message|b|']],
  ['a byte order mark later', 'data: a\n\n\u{feff}data: b\n\ndata: c\n\n', ['message|a|', 'message|c|']],
  ['an id that stays', 'id: 1\ndata: a\n\ndata: b\n\n', ['message|a|1', 'message|b|1']],
  ['an empty id', 'id: 1\ndata: a\n\nid\ndata: b\n\n', ['message|a|1', 'message|b|']],
  ['an id without data', 'id: 1\n\ndata: a\n\n', ['message|a|1']],
  ['an id with NUL', 'id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n', ['message|a|1', 'message|b|1']],
  ['the last of several ids', 'id: 1\nid: 2\ndata: a\n\n', ['message|a|2']],
  ['retry', 'retry: 300\ndata: a\n\nretry:40\n\n', ['message|a|'], [300, 40]],
  ['a retry that is not digits', 'retry: 3s\nretry: -1\nretry: 1.5\nretry:\nretry\ndata: a\n\n', ['message|a|'], []],
  ['NUL in data', 'data: a\0b\n\n', ['message|a\0b|']],
  ['UTF-8', 'data: grüße 😀 \u{2028}\n\n', ['message|grüße 😀 \u{2028}|']],
  ['a line that is not finished', 'data: a\n\ndata: b', ['message|a|']],
  ['an event without its blank line', 'data: a\n\ndata: b\n', ['message|a|']],
  ['many events', 'data: 1\n\ndata: 2\n\n\n\ndata: 3\n\n', ['message|1|', 'message|2|', 'message|3|']],
]

describe('the parser', () => {
  test.each(table)('%s', (_name, text, events, retries = []) => {
    const { length } = new TextEncoder().encode(text)
    const whole = { events, retries }
    expect(parse(text)).toMatchObject(whole)
    for (let border = 1; border < length; border++) expect(parse(text, [border])).toMatchObject(whole)
    const bytes = Array.from({ length: length - 1 }, (_, index) => index + 1)
    expect(parse(text, bytes)).toMatchObject(whole)
  })

  test('an event is there with the CR that ends it, without a wait for what follows', () => {
    expect(parse('data: a\r\r').events).toEqual(['message|a|'])
  })

  test('the id of an event that is cut off does not count', () => {
    expect(parse('id: 1\ndata: a\n\nid: 2\ndata: b\n').lastEventId).toBe('1')
  })
})
