/**
 * The order of event ids. Ids only grow, so an event whose id is not above the last one has been seen.
 */

/** Whether `id` is above `other`. An id that is not numeric counts as new: it is better to repeat an event than to lose it. */
export function isAbove(id: string, other: string): boolean {
  if (id === other) return false
  const [ms = 0, n = 0] = partsOf(id)
  const [otherMs = 0, otherN = 0] = partsOf(other)
  return !(ms < otherMs || (ms === otherMs && n <= otherN))
}

function partsOf(id: string): number[] {
  return id.split('-').map(Number)
}
