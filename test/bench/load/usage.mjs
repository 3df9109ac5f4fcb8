/**
 * What processes use, as Linux tells it; null elsewhere.
 */
import { readFileSync } from 'node:fs'

const tickMs = 10

/** Milliseconds of CPU that a process and its children have had. */
export function cpuMs(pid) {
  return sum(pid, one => {
    const fields = readFileSync(`/proc/${one}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) * tickMs
  })
}

/** Bytes in memory of a process and its children. */
export function memoryBytes(pid) {
  return sum(pid, one => Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${one}/status`, 'latin1'))?.[1] ?? 0) * 1_024)
}

/**
 * The share of the time since the call in which this process had its core or, on Linux, waited for it: others on that core
 * hold a generator back just as its own work does.
 */
export function ownLoad() {
  const cpu = process.cpuUsage()
  const waited = waitedMs()
  const at = performance.now()
  return () => {
    const { user, system } = process.cpuUsage(cpu)
    return ((user + system) / 1_000 + waitedMs() - waited) / (performance.now() - at)
  }
}

/** How long the main thread was ready to run and did not. */
function waitedMs() {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[1]) / 1_000_000
  } catch {
    return 0
  }
}

function sum(pid, measure) {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean)
    return [pid, ...children].reduce((total, one) => total + measure(one), 0)
  } catch {
    return null
  }
}
