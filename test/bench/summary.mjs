/**
 * The medians of several runs, and how Colocate compares with its peers.
 */

/**
 * `runs`: for each run `{ [server]: { [workload]: figures | { error } } }`. Returns `{ value, isCapped, error }` for a
 * row's figure.
 */
export function medianOf(runs, server, workload, figure) {
  const cells = runs.map(run => run[server]?.[workload]).filter(cell => cell !== undefined)
  const values = cells.map(cell => cell[figure]).filter(value => typeof value === 'number')
  if (values.length === 0) return { value: null, isCapped: false, error: cells.find(({ error }) => error)?.error }
  return { value: median(values), isCapped: cells.some(({ isCapped }) => isCapped), error: undefined }
}

/** Returns how many times better Colocate is. */
export function ratio(ours, theirs, isMoreBetter) {
  if (ours === null || theirs === null || ours <= 0 || theirs <= 0) return null
  return isMoreBetter ? ours / theirs : theirs / ours
}

/** Formats a value with its significant digits. */
export function shown(value) {
  if (value === null) return '–'
  if (value >= 1_000) return Number(value.toPrecision(3)).toLocaleString('en')
  return `${Number(value.toPrecision(value >= 100 ? 3 : 2))}`
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
