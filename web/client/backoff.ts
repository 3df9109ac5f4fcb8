/**
 * Returns the delay before attempt `failures + 1`: exponential, with jitter so that clients do not retry at the same
 * time.
 */
export function backoffMs(failures: number, minMs: number, maxMs: number): number {
  const ceiling = Math.min(maxMs, minMs * 2 ** (failures + 1))
  return minMs + Math.random() * (ceiling - minMs)
}
