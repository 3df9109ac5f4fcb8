/** The default color of a collaborator. */
import { describe, expect, test } from '@jest/globals'
import { colorOf } from '../../server/location/color.ts'

function hueOf(color: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map(at => Number.parseInt(color.slice(at, at + 2), 16))
  const [max, min] = [Math.max(r, g, b), Math.min(r, g, b)]
  const sector = max === r ? (g - b) / (max - min) : max === g ? 2 + (b - r) / (max - min) : 4 + (r - g) / (max - min)
  return (sector * 60 + 360) % 360
}

function distance(a: number, b: number): number {
  const d = Math.abs(a - b)
  return Math.min(d, 360 - d)
}

const count = 400
const families = {
  numbers: (i: number) => `${i}`,
  'user-1, user-2, …': (i: number) => `user-${i}`,
  letters: (i: number) => String.fromCodePoint(0x61 + i),
  addresses: (i: number) => `${i}@example.com`,
}

describe.each(Object.entries(families))('the default colors of %s', (_, idOf) => {
  const hues = Array.from({ length: count }, (_, i) => hueOf(colorOf(idOf(i + 1))))

  test.each([1, 2, 10])('differ as much as random colors if the ids are %i apart', step => {
    const distances = hues.slice(step).map((hue, i) => distance(hue, hues[i] ?? 0))
    const mean = distances.reduce((sum, d) => sum + d, 0) / distances.length
    // Random hues are 90° apart on average, and one pair in twelve is closer than 15°.
    expect(Math.abs(mean - 90)).toBeLessThan(12)
    expect(distances.filter(d => d < 15).length / distances.length).toBeLessThan(0.14)
  })
})

test('every default color has the form #rrggbb and is the same each time', () => {
  for (let i = 0; i < count; i++) {
    expect(colorOf(`${i}`)).toMatch(/^#[0-9a-f]{6}$/)
    expect(colorOf(`${i}`)).toBe(colorOf(`${i}`))
  }
})
