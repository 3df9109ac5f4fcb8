/** How long to wait before attempt `failures + 1`: longer each time, and never the same for two clients. */
export function backoffMs(failures: number, minMs: number, maxMs: number): number {
  const ceiling = Math.min(maxMs, minMs * 2 ** (failures + 1))
  return minMs + Math.random() * (ceiling - minMs)
}
