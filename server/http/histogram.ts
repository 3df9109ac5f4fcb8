/**
 * A histogram with one label, for prom-client's registry. It counts in plain numbers: prom-client's own histogram checks and
 * joins its labels at each observation, which costs as much as several other steps of a request.
 */
import type { Histogram, Registry } from 'prom-client'

export interface HistogramOptions {
  name: string
  help: string
  /** The name of the label. */
  label: string
  /** Upper bounds, in ascending order. */
  buckets: readonly number[]
}

/** What was observed for one value of the label. */
export class Series {
  readonly #buckets: readonly number[]
  readonly counts: number[]
  sum = 0

  constructor(buckets: readonly number[]) {
    this.#buckets = buckets
    this.counts = new Array(buckets.length + 1).fill(0)
  }

  observe(value: number): void {
    let i = 0
    while (value > (this.#buckets[i] ?? Number.POSITIVE_INFINITY)) i++
    this.counts[i] = (this.counts[i] ?? 0) + 1
    this.sum += value
  }
}

/** Returns a function that returns the series of a value of the label. */
export function createHistogram(
  registry: Registry,
  { name, help, label, buckets }: HistogramOptions,
): (value: string) => Series {
  const series = new Map<string, Series>()
  const get = async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: [...series].flatMap(valuesOf) })
  const valuesOf = ([value, { counts, sum }]: [string, Series]) => {
    const labels = { [label]: value }
    let count = 0
    const bounds = counts.map((n, i) => {
      count += n
      return { labels: { le: buckets[i] ?? '+Inf', ...labels }, value: count, metricName: `${name}_bucket` }
    })
    return [
      ...bounds,
      { labels, value: sum, metricName: `${name}_sum` },
      { labels, value: count, metricName: `${name}_count` },
    ]
  }
  registry.registerMetric({ name, get } as unknown as Histogram)
  return value => {
    const known = series.get(value) ?? new Series(buckets)
    series.set(value, known)
    return known
  }
}
