import { describe, expect, test } from '@jest/globals'
import { beginning } from '../../server/broker/broker.ts'
import { ReplayBuffer } from '../../server/hub/replay-buffer.ts'

const text = (tail: ReplayBuffer, from: number) => tail.chunk(from).bytes.toString()

function filled(limit: number, count: number, before = beginning): ReplayBuffer {
  const tail = new ReplayBuffer(limit, before)
  for (let i = 1; i <= count; i++) tail.append(`1-${i}`, `${i};`)
  return tail
}

describe('a tail', () => {
  test('gives whoever is somewhere all that is after it', () => {
    const tail = filled(10, 5)
    expect(text(tail, tail.after('1-3') ?? -1)).toBe('4;5;')
    expect(text(tail, tail.after(beginning) ?? -1)).toBe('1;2;3;4;5;')
    expect(tail.after('1-5')).toBe(tail.end)
  })

  test('does not know an event that is not there, however near it would be', () => {
    const tail = filled(10, 5, '0-9')
    for (const id of ['1-6', '1-0', '0-8', beginning, '']) expect(tail.after(id)).toBeNull()
    expect(tail.after('0-9')).toBe(tail.start)
  })

  test('encodes once what many are given', () => {
    const tail = filled(10, 5)
    const { bytes } = tail.chunk(2)
    expect(tail.chunk(2).bytes).toBe(bytes)
    tail.append('1-6', '6;')
    expect(text(tail, 2)).toBe('3;4;5;6;')
  })

  test('is given in chunks, and one frame is never cut', () => {
    const tail = new ReplayBuffer(10, beginning)
    const long = 'x'.repeat(40_000)
    for (let i = 1; i <= 4; i++) tail.append(`1-${i}`, long)
    const first = tail.chunk(0)
    expect([first.to, first.bytes.length]).toEqual([2, 80_000])
    expect(tail.chunk(first.to).to).toBe(4)
  })

  test('lets nobody resume from before its limit, even when it still has more', () => {
    const tail = filled(10, 15)
    expect(tail.after('1-5')).toBeNull()
    expect(tail.after(beginning)).toBeNull()
    expect(text(tail, tail.after('1-6') ?? -1)).toBe('7;8;9;10;11;12;13;14;15;')
  })

  test('forgets what is past its limit, and numbers stay what they were', () => {
    const tail = filled(10, 20)
    const number = tail.after('1-12') ?? -1
    tail.trim(tail.end)
    expect(tail.start).toBe(10)
    expect(tail.after('1-12')).toBe(number)
    expect(text(tail, number)).toBe('13;14;15;16;17;18;19;20;')
    expect(tail.after(beginning)).toBeNull()
    expect(tail.isWhole).toBe(true)
  })

  test('keeps what its readers have not reached', () => {
    const tail = filled(10, 40)
    tail.trim(12)
    expect(tail.start).toBe(12)
  })

  test('takes older frames in front, once each, and numbers stay what they were', () => {
    const tail = new ReplayBuffer(10, '1-3')
    tail.append('1-4', '4;')
    const number = tail.after('1-3') ?? -1
    tail.prepend(
      [1, 2, 3, 4].map(i => ({ id: `1-${i}`, text: `${i};` })),
      beginning,
      true,
    )
    expect(tail.after('1-3')).toBe(number)
    expect(text(tail, tail.after(beginning) ?? -1)).toBe('1;2;3;4;')
  })
})
