/**
 * `npm run bench`: runs every workload against every server, repeats that within the time limit, and writes a table and
 * a plot.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { join, relative } from 'node:path'
import { measure } from './measure.mjs'
import { readOptions, usage } from './options.mjs'
import { plot } from './plot.mjs'
import { cores, killAll } from './programs.mjs'
import { findServers } from './servers.mjs'
import { shown } from './summary.mjs'
import { table } from './table.mjs'
import { makeWorkloads } from './workloads.mjs'

/** The load average up to which the machine counts as idle. */
const quietLoad = 0.7

const say = line => process.stdout.write(`${line}\n`)

async function main() {
  const options = readOptions(process.argv.slice(2))
  if (options.help) return say(usage)
  const servers = findServers(options.servers, say)
  const workloads = chosen(makeWorkloads(options), options.workloads)
  const where = cores
    ? `server on core ${cores.server}, generator on ${cores.load}, Redis on ${cores.redis}`
    : 'no process pinned to a core'
  say(`${servers.map(({ label }) => label).join(', ')}; ${where}`)

  const busyBefore = loadavg()[0]
  if (busyBefore > quietLoad)
    say(`other programs use this machine (load ${shown(busyBefore)}), so the figures are not reliable`)

  const start = performance.now()
  const budgetMs = options.minutes * 60_000
  const runs = []
  let longestMs = 0
  // The first run may take up to twice the time limit.
  while (runs.length < options.runs && (runs.length === 0 || performance.now() - start + longestMs < budgetMs)) {
    const begun = performance.now()
    runs.push(
      await oneRun(runs, servers, workloads, (2 * budgetMs) / 1_000, () =>
        Math.round((performance.now() - start) / 1_000),
      ),
    )
    longestMs = Math.max(longestMs, performance.now() - begun)
  }
  if (runs.length < options.runs) say(`${runs.length} of ${options.runs} runs: the time limit is reached (--minutes)`)

  const about = describeRuns(runs.length, where, busyBefore)
  const results = { runs, servers, workloads, about }
  await mkdir(options.out, { recursive: true })
  const text = table(results)
  await writeFile(join(options.out, 'table.md'), text)
  await writeFile(join(options.out, 'plot.svg'), plot(results))
  await writeFile(join(options.out, 'figures.json'), `${JSON.stringify({ about, runs }, null, 2)}\n`)
  say(`\n${text}\n${relative('.', options.out) || '.'}: table.md, plot.svg, figures.json`)
}

/** Measures each workload on all servers in turn, so that a slowdown of the machine affects all servers. */
async function oneRun(before, servers, workloads, limitSeconds, seconds) {
  const run = {}
  for (const workload of workloads) {
    for (const server of servers.filter(({ id }) => !workload.not?.includes(id))) {
      if (seconds() > limitSeconds) {
        say(`${seconds()} s  left out, the time limit is reached: ${workload.id} ${server.label}`)
        continue
      }
      const name = `${before.length + 1} ${workload.id} ${server.label}`
      run[server.id] ??= {}
      try {
        const figures = await measure(server, startNear(workload.job, before, server, workload))
        run[server.id][workload.id] = figures
        const values = workload.rows.map(({ figure, unit }) => `${shown(figures[figure])} ${unit}`)
        say(
          `${seconds()} s  ${name}: ${values.join(', ')}${figures.isCapped ? ' (the generator was the bottleneck)' : ''}`,
        )
      } catch (error) {
        run[server.id][workload.id] = { error: error.message }
        say(`${seconds()} s  ${name}: failed: ${error.message}`)
      }
    }
  }
  return run
}

/** A ramp begins near the rate of the previous run. */
function startNear(job, before, server, workload) {
  const rate = before.at(-1)?.[server.id]?.[workload.id]?.rate
  return rate ? { ...job, from: Math.max(2, Math.round(rate / 1.7)) } : job
}

function chosen(workloads, requested) {
  const unknown = requested?.filter(id => !workloads.some(workload => workload.id === id)) ?? []
  if (unknown.length === 0) return workloads.filter(({ id }) => !requested || requested.includes(id))
  throw new Error(`there is no workload "${unknown}"; there are ${workloads.map(({ id }) => id)}`)
}

function describeRuns(runs, where, busyBefore) {
  const date = new Date().toISOString().slice(0, 10)
  const models = cpus()
  const machine = `${models[0]?.model.trim() || process.arch}, ${models.length} cores, Node ${process.versions.node}`
  const others = busyBefore > quietLoad ? `; on a busy machine (load ${shown(busyBefore)})` : ''
  return `${date}; ${machine}; ${runs === 1 ? 'one run' : `medians of ${runs} runs`}; ${where}${others}`
}

process.on('exit', killAll)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130))

main().catch(error => {
  process.stderr.write(`bench: ${error.message}\n`)
  process.exit(1)
})
