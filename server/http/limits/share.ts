/**
 * A worker's part of a limit that holds for all workers of an address together. Connections are handed to the workers in turn,
 * so that each has about as many as the others.
 */
export function shareOf(limit: number, workers: number): number {
  return Math.max(1, Math.floor(limit / workers))
}
