/** Events from an upstream's bytes, for all chunk borders and line ends. */
import { expect, test } from '@jest/globals'
import { type UpstreamEvent, UpstreamEvents } from '../../server/relay/upstream-events.ts'
import { recordings } from './recordings.ts'

function read(parts: Iterable<Uint8Array>, maxLength = 1_000_000): UpstreamEvent[] {
  const events = new UpstreamEvents(maxLength)
  return [...parts].flatMap(part => events.read(Buffer.from(part)))
}

/** Parses the whole text as the specification says. */
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

const lineEnds = { 'line feeds': '\n', 'carriage returns': '\r', both: '\r\n' }

test.each(Object.keys(recordings))(
  '%s: the same events at every cut, with every line end, with and without a byte order mark',
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

test('an event that ends in a carriage return is returned at once', () => {
  expect(read([Buffer.from('data: a\r\r')])).toEqual([{ event: undefined, data: 'a' }])
})

test('an incomplete event at the end is not returned', () => {
  expect(read([Buffer.from('data: a\n\ndata: b\n')])).toEqual([{ event: undefined, data: 'a' }])
})

test.each(Object.entries(lineEnds))('an orderly end completes the last event at every cut, with %s', (_, end) => {
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

test('a line that exceeds the limit ends the parsing, and the events before it are returned', () => {
  const events = new UpstreamEvents(1_000)
  expect(events.read(Buffer.from(`data: a\n\ndata: ${'x'.repeat(500)}`))).toHaveLength(1)
  expect(events.isTooLong).toBe(false)
  events.read(Buffer.from('x'.repeat(600)))
  expect(events.isTooLong).toBe(true)
  expect(events.read(Buffer.from('\n\ndata: b\n\n'))).toEqual([])
})
