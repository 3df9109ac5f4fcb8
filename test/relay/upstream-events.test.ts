/** UpstreamEvents parses an upstream's bytes into events, whatever the chunk boundaries and line endings. */
import { expect, test } from '@jest/globals'
import { type UpstreamEvent, UpstreamEvents } from '../../server/relay/upstream-events.ts'
import { recordings } from './recordings.ts'

function read(parts: Iterable<Uint8Array>, maxLength = 1_000_000): UpstreamEvent[] {
  const events = new UpstreamEvents(maxLength)
  return [...parts].flatMap(part => events.read(Buffer.from(part)))
}

/** Parses the whole text at once, as the EventSource specification defines. */
function expected(text: string): UpstreamEvent[] {
  const found: UpstreamEvent[] = []
  for (const block of text.split(/(?:\r\n|\r|\n){2}/).slice(0, -1)) {
    const fields = block.split(/\r\n|\r|\n/).map(line => /^([^:]*)(?:: ?)?(.*)$/s.exec(line) ?? [])
    const data = fields.filter(([, name]) => name === 'data').map(([, , value]) => value)
    const event = fields.findLast(([, name]) => name === 'event')?.[2]
    if (data.length > 0) found.push({ event, data: data.join('\n') })
  }
  return found
}

const lineEnds = { LF: '\n', CR: '\r', CRLF: '\r\n' }

test.each(Object.keys(recordings))(
  'the %s recording yields the same events for every split, line ending and byte order mark',
  name => {
    const recording = recordings[name]?.replaceAll('\r\n', '\n') ?? ''
    const wanted = expected(recording)
    expect(wanted.length).toBeGreaterThan(1)
    let cuts = 0
    for (const end of Object.values(lineEnds)) {
      for (const mark of ['', '\ufeff']) {
        const bytes = Buffer.from(mark + recording.replaceAll('\n', end))
        for (let at = 0; at <= bytes.length; at++) {
          expect(read([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(wanted)
          cuts++
        }
        expect(read(Array.from(bytes, byte => Uint8Array.of(byte)))).toEqual(wanted)
      }
    }
    process.stdout.write(`${name}: ${cuts} cuts, ${wanted.length} events each, all equal\n`)
  },
)

test('UpstreamEvents removes one byte order mark, and no second one, for every split', () => {
  const bytes = Buffer.from('\ufeff\ufeffdata: a\n\ndata: b\n\n')
  for (let at = 0; at <= bytes.length; at++) {
    // The second mark is part of the first field's name, so that field is unknown.
    expect(read([bytes.subarray(0, at), bytes.subarray(at)])).toEqual([{ event: undefined, data: 'b' }])
  }
})

test('UpstreamEvents returns an event that ends in a carriage return at once', () => {
  expect(read([Buffer.from('data: a\r\r')])).toEqual([{ event: undefined, data: 'a' }])
})

test('UpstreamEvents does not return an incomplete event', () => {
  expect(read([Buffer.from('data: a\n\ndata: b\n')])).toEqual([{ event: undefined, data: 'a' }])
})

test.each(Object.entries(lineEnds))('an orderly end completes the last event for every split, with %s', (_, end) => {
  const wanted = [
    { event: undefined, data: 'a' },
    { event: 'e', data: 'ü\n😀' },
  ]
  for (const tail of ['', end, end + end, `${end}${end}event: f`]) {
    const bytes = Buffer.from(['data: a', '', 'event: e', 'data: ü', 'data: 😀'].join(end) + tail)
    for (let at = 0; at <= bytes.length; at++) {
      const events = new UpstreamEvents(1_000)
      const found = [bytes.subarray(0, at), bytes.subarray(at)].flatMap(part => events.read(part))
      expect([...found, ...events.end()]).toEqual(wanted)
      expect(events.end()).toEqual([])
    }
  }
})

test('UpstreamEvents returns the events before a line that exceeds the limit, and stops parsing there', () => {
  const events = new UpstreamEvents(1_000)
  expect(events.read(Buffer.from(`data: a\n\ndata: ${'x'.repeat(500)}`))).toHaveLength(1)
  expect(events.isTooLong).toBe(false)
  events.read(Buffer.from('x'.repeat(600)))
  expect(events.isTooLong).toBe(true)
  expect(events.read(Buffer.from('\n\ndata: b\n\n'))).toEqual([])
})
