/** Seeded random numbers (mulberry32), so that a run can be repeated. */
export function random(seed: number): { next(): number; below(n: number): number } {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  return { next, below: n => Math.floor(next() * n) }
}
