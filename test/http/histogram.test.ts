import { describe, expect, test } from '@jest/globals'
import { AggregatorRegistry, Histogram, Registry } from 'prom-client'
import { createHistogram } from '../../server/http/histogram.ts'

const options = { name: 'seconds', help: 'How long', buckets: [0.1, 1, 10] }
const observations = { a: [0.05, 0.1, 0.100001, 1, 9, 10, 11, 1e9], b: [0], '"quoted"\n': [2] }

describe('a histogram', () => {
  test("has the same text as prom-client's own", async () => {
    const [ours, theirs] = [new Registry(), new Registry()]
    const histogram = createHistogram(ours, { ...options, label: 'route' })
    const reference = new Histogram({ ...options, labelNames: ['route'], registers: [theirs] })
    for (const [route, values] of Object.entries(observations)) {
      for (const value of values) {
        histogram(route).observe(value)
        reference.observe({ route }, value)
      }
    }
    expect(await ours.metrics()).toBe(await theirs.metrics())
  })

  test('adds up over several processes', async () => {
    const registries = [1, 2].map(value => {
      const registry = new Registry()
      createHistogram(registry, { ...options, label: 'route' })('a').observe(value)
      return registry
    })
    const values = await Promise.all(registries.map(registry => registry.getMetricsAsJSON()))
    const text = await AggregatorRegistry.aggregate(values).metrics()
    expect(text).toContain('seconds_bucket{le="1",route="a"} 1\n')
    expect(text).toContain('seconds_bucket{le="+Inf",route="a"} 2\n')
    expect(text).toContain('seconds_sum{route="a"} 3\n')
  })
})
