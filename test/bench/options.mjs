/**
 * The command line of the benchmark.
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

export const usage = `npm run bench -- [options]
  --quick           one run with shorter steps: one to two minutes
  --runs N          runs to take medians of (default 3; 1 with --quick)
  --minutes N       time limit: no run begins that would end after it (default 5; 2 with --quick)
  --servers a,b     of ours, express, better-sse, http, nchan, nchan-redis (default: all that are installed)
  --workloads a,b   of one1000, one5000, rooms500, rooms500batches, storm, quiet, idle, resumes, posts, batches (default: all)
  --scale N         the share of the readers (default 1), for machines with little memory
  --out DIR         the directory of table.md, plot.svg and figures.json (default test/bench/results)
The nchan module is expected at the path of Debian's libnginx-mod-nchan; NCHAN_MODULE sets another path.
`

/** Throws if an option is unknown or not valid. */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      runs: { type: 'string' },
      minutes: { type: 'string' },
      servers: { type: 'string' },
      workloads: { type: 'string' },
      scale: { type: 'string' },
      out: { type: 'string' },
    },
  })
  return {
    quick: values.quick,
    help: values.help,
    runs: positive('runs', values.runs ?? (values.quick ? '1' : '3')),
    minutes: positive('minutes', values.minutes ?? (values.quick ? '2' : '5')),
    servers: values.servers?.split(','),
    workloads: values.workloads?.split(','),
    scale: Math.min(1, positive('scale', values.scale ?? '1')),
    out: values.out ?? fileURLToPath(new URL('results', import.meta.url)),
  }
}

function positive(name, given) {
  const number = Number(given)
  if (number > 0 && number < 1_000) return number
  throw new Error(`--${name} must be a number above 0, not "${given}"`)
}
