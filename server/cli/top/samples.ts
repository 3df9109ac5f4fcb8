/**
 * Prometheus text as values, and what two readings of it say about the time between them. Pure.
 */

export interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

/** One reading of `/metrics`. */
export class Samples {
  readonly #byName = new Map<string, Sample[]>()
  readonly atMs: number

  /** `atMs`: when it was read, by any clock. */
  constructor(text: string, atMs: number) {
    this.atMs = atMs
    for (const line of text.split('\n')) {
      const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line)
      if (!match) continue
      const [, name = '', labels = '', value = ''] = match
      const sample = { name, labels: parseLabels(labels), value: Number(value.replace('Inf', 'Infinity')) }
      const samples = this.#byName.get(name)
      if (samples) samples.push(sample)
      else this.#byName.set(name, [sample])
    }
  }

  /** The series of that name whose labels have these values. */
  select(name: string, labels: Record<string, string> = {}): Sample[] {
    const wanted = Object.entries(labels)
    const all = this.#byName.get(name) ?? []
    return all.filter(sample => wanted.every(([label, value]) => sample.labels[label] === value))
  }

  /** The sum of the series; 0 if there is none. */
  sum(name: string, labels: Record<string, string> = {}): number {
    return this.select(name, labels).reduce((sum, { value }) => sum + value, 0)
  }

  has(name: string): boolean {
    return this.#byName.has(name)
  }
}

/** The growth per second of a counter between two readings. A counter that shrank has started again at 0. */
export function rate(before: Samples, after: Samples, name: string, labels: Record<string, string> = {}): number {
  const [first, last] = [before.sum(name, labels), after.sum(name, labels)]
  const seconds = (after.atMs - before.atMs) / 1_000
  return seconds > 0 ? (last >= first ? last - first : last) / seconds : 0
}

/**
 * The upper bound of the histogram's bucket that contains the quantile of what was observed between two readings. Undefined:
 * nothing was observed.
 */
export function quantile(
  before: Samples,
  after: Samples,
  name: string,
  q: number,
  labels: Record<string, string> = {},
): number | undefined {
  const bounds = new Map<number, number>()
  for (const [samples, sign] of [[after, 1] as const, [before, -1] as const]) {
    for (const { labels: own, value } of samples.select(`${name}_bucket`, labels)) {
      const bound = Number(String(own.le).replace('+Inf', 'Infinity'))
      bounds.set(bound, (bounds.get(bound) ?? 0) + sign * value)
    }
  }
  const total = bounds.get(Number.POSITIVE_INFINITY) ?? 0
  if (total <= 0) return undefined
  const sorted = [...bounds].sort(([a], [b]) => a - b)
  return sorted.find(([, count]) => count >= q * total)?.[0]
}

function parseLabels(text: string): Record<string, string> {
  const labels = text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)
  return Object.fromEntries([...labels].map(([, name = '', value = '']) => [name, value]))
}
