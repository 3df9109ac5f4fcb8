import { describe, expect, test } from '@jest/globals'
import { beginning } from '../../server/broker/broker.ts'
import { ReplayBuffer } from '../../server/hub/replay-buffer.ts'

function text(buffer: ReplayBuffer, from: number): string {
  if (from === buffer.end) return ''
  const { to, bytes } = buffer.chunk(from)
  return bytes.toString() + text(buffer, to)
}

function filled(limit: number, count: number, before = beginning): ReplayBuffer {
  const buffer = new ReplayBuffer(limit, before)
  for (let i = 1; i <= count; i++) buffer.append(`1-${i}`, `${i};`)
  return buffer
}

describe('a replay buffer', () => {
  test('returns every frame after a position', () => {
    const buffer = filled(10, 5)
    expect(text(buffer, buffer.after('1-3') ?? -1)).toBe('4;5;')
    expect(text(buffer, buffer.after(beginning) ?? -1)).toBe('1;2;3;4;5;')
    expect(buffer.after('1-5')).toBe(buffer.end)
  })

  test('does not know an event that it does not contain, however close its id is', () => {
    const buffer = filled(10, 5, '0-9')
    for (const id of ['1-6', '1-0', '0-8', beginning, '']) expect(buffer.after(id)).toBeNull()
    expect(buffer.after('0-9')).toBe(buffer.start)
  })

  test('knows when an event was published from its id', () => {
    const buffer = new ReplayBuffer(2, beginning)
    for (let ms = 1; ms <= 4; ms++) buffer.append(`${ms}-7`, `${ms};`)
    buffer.trim(buffer.end)
    expect([0, 2, 3].map(number => buffer.publishedAt(number))).toEqual([3, 3, 4])
  })

  test('encodes once what many sessions are written, wherever they are', () => {
    const buffer = filled(10, 5)
    const chunks = [0, 1, 4].map(number => buffer.chunk(number))
    expect(chunks.map(({ to, bytes }) => [to, `${bytes}`])).toEqual([
      [5, '1;2;3;4;5;'],
      [5, '2;3;4;5;'],
      [5, '5;'],
    ])
    expect(new Set(chunks.map(({ bytes }) => bytes.buffer)).size).toBe(1)
    expect(buffer.chunk(2)).toBe(buffer.chunk(2))
  })

  test('does not change what it has returned when an event follows', () => {
    const buffer = filled(10, 5)
    const { bytes } = buffer.chunk(2)
    for (let i = 6; i <= 2_000; i++) buffer.append(`1-${i}`, `${i};`)
    expect(`${bytes}`).toBe('3;4;5;')
    expect(text(buffer, 2)).toMatch(/^3;4;5;6;7;.*;1999;2000;$/)
  })

  test('returns chunks of at most 64 KiB, or a single longer frame, with the same ends for every session', () => {
    const buffer = new ReplayBuffer(10, beginning)
    const lengths = [30_000, 30_000, 30_000, 70_000, 10, 65_526, 2]
    for (const [i, length] of lengths.entries()) buffer.append(`1-${i + 1}`, 'é'.repeat(length / 2))
    const ends = lengths.map((_, number) => buffer.chunk(number).to)
    expect(ends).toEqual([2, 2, 3, 4, 6, 6, 7])
    expect(lengths.map((_, number) => buffer.chunk(number).bytes.length)).toEqual([
      60_000, 30_000, 30_000, 70_000, 65_536, 65_526, 2,
    ])
  })

  test('does not let a reader resume from before its limit, even while it has more', () => {
    const buffer = filled(10, 15)
    expect(buffer.after('1-5')).toBeNull()
    expect(buffer.after(beginning)).toBeNull()
    expect(text(buffer, buffer.after('1-6') ?? -1)).toBe('7;8;9;10;11;12;13;14;15;')
  })

  test('drops frames past its limit when it is trimmed, and the numbers stay the same', () => {
    const buffer = filled(10, 20)
    const number = buffer.after('1-12') ?? -1
    buffer.trim(buffer.end)
    expect(buffer.start).toBe(10)
    expect(buffer.after('1-12')).toBe(number)
    expect(text(buffer, number)).toBe('13;14;15;16;17;18;19;20;')
    expect(buffer.after(beginning)).toBeNull()
    expect(buffer.isComplete).toBe(true)
  })

  test('keeps the frames that its readers have not reached', () => {
    const buffer = filled(10, 40)
    buffer.trim(12)
    expect(buffer.start).toBe(12)
  })

  test('drops frames that its readers have not reached once too much was appended since the last trim', () => {
    const buffer = new ReplayBuffer(2, beginning)
    const long = 'x'.repeat(1024 * 1024)
    for (let i = 1; i <= 16; i++) buffer.append(`1-${i}`, long)
    expect(buffer.start).toBe(0)
    buffer.append('1-17', '17;')
    expect([buffer.start, buffer.end]).toEqual([15, 17])
    for (let i = 18; i <= 33; i++) buffer.append(`1-${i}`, long)
    buffer.trim(15)
    for (let i = 34; i <= 49; i++) buffer.append(`1-${i}`, long)
    expect([buffer.start, buffer.end]).toEqual([15, 49])
  })

  test('prepends older frames, each once, and the numbers stay the same', () => {
    const buffer = new ReplayBuffer(10, '1-3')
    buffer.append('1-4', '4;')
    const number = buffer.after('1-3') ?? -1
    buffer.prepend(
      [1, 2, 3, 4].map(i => ({ id: `1-${i}`, text: `${i};` })),
      beginning,
      true,
    )
    expect(buffer.after('1-3')).toBe(number)
    expect(text(buffer, buffer.after(beginning) ?? -1)).toBe('1;2;3;4;')
  })
})
