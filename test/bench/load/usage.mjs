/**
 * The CPU time and the memory of processes, from Linux's /proc. On other systems the functions return null.
 */
import { readFileSync } from 'node:fs'

const tickMs = 10

/** Returns the CPU time of a process and its children in milliseconds. */
export function cpuMs(pid) {
  return sum(pid, one => {
    const fields = readFileSync(`/proc/${one}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) * tickMs
  })
}

/** Returns the resident memory of a process and its children in bytes. */
export function memoryBytes(pid) {
  return sum(pid, one => Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${one}/status`, 'latin1'))?.[1] ?? 0) * 1_024)
}

/**
 * Returns a function that returns the share of the time since the call in which this process used its core or, on Linux,
 * waited for it: other processes on that core slow the generator down as much as its own work.
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

/** Returns the milliseconds that the main thread has waited for a core. */
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
