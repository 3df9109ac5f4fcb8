/**
 * The workloads, and the figures of each that become rows of the table.
 */
import { execFileSync } from 'node:child_process'

/** nchan publishes a body as one event, so it has no batches. */
const noBatches = ['nchan', 'nchan-redis']
/** File descriptors for everything but the streams. */
const spareFiles = 300

/** `scale` is the share of the readers. `quick` shortens the steps. */
export function makeWorkloads({ quick, scale }) {
  const readers = count => Math.max(1, Math.round(count * scale))
  const idle = Math.min(readers(quick ? 2_000 : 10_000), openFiles() - spareFiles)
  const n = count => count.toLocaleString('en')
  const pace = quick
    ? { warmMs: 200, ms: 600, growth: 4, bisections: 1, tries: 2, drainMs: 1_000, withinMs: 8_000 }
    : { warmMs: 300, ms: 900, growth: 2, bisections: 2, tries: 2, drainMs: 2_000, withinMs: 14_000 }
  const steadyPace = quick ? { warmMs: 500, ms: 1_000 } : { warmMs: 700, ms: 2_000 }
  const rooms = Math.max(1, Math.round(500 * scale))

  const deliveries = (id, title, job) => ({
    id,
    title,
    job: { kind: 'ramp', ...pace, ...job },
    rows: [{ figure: 'perSecond', title, unit: 'deliveries/s', isMoreBetter: true }],
  })

  return [
    deliveries('one1000', `1 room × ${n(readers(1_000))} readers, p99 ≤ 100 ms`, {
      ...{ readers: readers(1_000), rooms: 1, publishers: 32, from: 32, p99Ms: 100 },
    }),
    deliveries('one5000', `1 room × ${n(readers(5_000))} readers, p99 ≤ 150 ms`, {
      ...{ readers: readers(5_000), rooms: 1, publishers: 32, from: 8, p99Ms: 150 },
    }),
    deliveries('rooms500', `${n(rooms)} rooms × 10 readers, p99 ≤ 100 ms`, {
      ...{ readers: rooms * 10, rooms, publishers: 100, from: 800, p99Ms: 100 },
    }),
    {
      ...deliveries('rooms500batches', `the same by batches of 10, p99 ≤ 100 ms`, {
        ...{ readers: rooms * 10, rooms, publishers: 100, batch: 10, from: 200, p99Ms: 100 },
      }),
      not: noBatches,
    },
    {
      id: 'storm',
      job: { kind: 'steady', readers: readers(200), rooms: 1, publishers: 100, rate: 2_000, ...steadyPace },
      rows: [
        {
          ...{ figure: 'perSecond', unit: 'deliveries/s', isMoreBetter: true },
          title: `storm: ${n(readers(200))} readers × 2,000 posts/s`,
        },
        { figure: 'p99', title: 'storm: p99', unit: 'ms', isMoreBetter: false },
      ],
    },
    {
      id: 'quiet',
      job: {
        kind: 'steady',
        readers: readers(1_000),
        rooms: 1,
        publishers: 16,
        rate: 10,
        warmMs: 1_000,
        ms: quick ? 1_500 : 3_000,
      },
      rows: [
        {
          ...{ figure: 'p50', unit: 'ms', isMoreBetter: false },
          title: `quiet: ${n(readers(1_000))} readers, 10 events/s, p50`,
        },
        { figure: 'p99', title: 'quiet: p99', unit: 'ms', isMoreBetter: false },
        { figure: 'cpuUs', title: 'quiet: CPU for each delivery', unit: 'µs', isMoreBetter: false },
      ],
    },
    {
      id: 'idle',
      job: { kind: 'idle', readers: idle, ms: quick ? 500 : 1_000 },
      rows: [{ figure: 'kbEach', title: `each of ${n(idle)} idle streams`, unit: 'KB', isMoreBetter: false }],
    },
    {
      id: 'resumes',
      job: { kind: 'resumes', readers: readers(2_000), rooms: 20, behind: 100 },
      rows: [
        {
          ...{ figure: 'tookMs', unit: 'ms', isMoreBetter: false },
          title: `${n(readers(2_000))} resumes at once, each 100 behind, 20 rooms`,
        },
      ],
    },
    {
      id: 'posts',
      job: { kind: 'posts', connections: 32, ...steadyPace },
      rows: [{ figure: 'perSecond', title: 'POSTs one by one', unit: 'locations/s', isMoreBetter: true }],
    },
    {
      id: 'batches',
      not: noBatches,
      job: { kind: 'posts', connections: 8, batch: 100, ...steadyPace },
      rows: [{ figure: 'perSecond', title: 'POSTs of 100 each', unit: 'locations/s', isMoreBetter: true }],
    },
  ]
}

function openFiles() {
  try {
    // Node raises its soft limit to the hard limit.
    const limit = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim()
    return limit === 'unlimited' ? 100_000 : Number(limit)
  } catch {
    return 1_024
  }
}
