/**
 * The order of event ids. Ids only grow, so an event whose id is not above the last one has been seen.
 */

/** Whether `id` is above `other`. An id that is not numeric counts as new: it is better to repeat an event than to lose it. */
export function isAbove(id: string, other: string): boolean {
  if (id === other) return false
  const [ms, n] = partsOf(id)
  const [otherMs, otherN] = partsOf(other)
  return !(ms < otherMs || (ms === otherMs && n <= otherN))
}

function partsOf(id: string): [ms: number, n: number] {
  const [ms, n] = id.split('-')
  return [Number(ms), Number(n ?? 0)]
}
