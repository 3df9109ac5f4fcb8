/** An upstream's bytes as events, however they are cut. */
import { expect, test } from '@jest/globals'
import { type UpstreamEvent, UpstreamEvents } from '../../server/relay/upstream-events.ts'
import { recordings } from './recordings.ts'

function read(parts: Iterable<Uint8Array>, maxLength = 1_000_000): UpstreamEvent[] {
  const events = new UpstreamEvents(maxLength)
  return [...parts].flatMap(part => events.read(Buffer.from(part)))
}

/** By the letter of the specification, from the whole text. */
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
  '%s: the same at every cut, with every line end, with and without a byte order mark',
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

test('an event that ends in a carriage return is there at once', () => {
  expect(read([Buffer.from('data: a\r\r')])).toEqual([{ event: undefined, data: 'a' }])
})

test('what is no whole event at the end is none', () => {
  expect(read([Buffer.from('data: a\n\ndata: b\n')])).toEqual([{ event: undefined, data: 'a' }])
})

test('a line that never ends is given up at the bound, and what is before it is not lost', () => {
  const events = new UpstreamEvents(1_000)
  expect(events.read(Buffer.from(`data: a\n\ndata: ${'x'.repeat(500)}`))).toHaveLength(1)
  expect(events.isTooLong).toBe(false)
  events.read(Buffer.from('x'.repeat(600)))
  expect(events.isTooLong).toBe(true)
  expect(events.read(Buffer.from('\n\ndata: b\n\n'))).toEqual([])
})
