/**
 * The leases on one key of a topic, by holder.
 */
import type { Hold } from '../broker.ts'

/** One holder's lease on a key. A publish creates a `posted` lease, which belongs to no holder. */
export interface Lease {
  state: 'posted' | Hold['state']
  endsAt: number
}

/** Stands for the holder of a posted lease. */
export const poster = ''

export function isHeld(leases: Map<string, Lease>): boolean {
  return [...leases.values()].some(({ state }) => state === 'held' || state === 'acked')
}

/** A key stays until its last lease ends, and the state of that lease decides why the key is removed. */
export function lastToEnd(leases: Map<string, Lease>): Lease {
  return [...leases.values()].reduce((a, b) => (b.endsAt > a.endsAt ? b : a))
}
