/**
 * The programs that are started: each on its core, each ended by its own pid, none left behind.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'

const running = new Set()
const endMs = 2_000

/** The server has a core for itself; Redis shares the generator's unless there is a third. */
export const cores = pinnable() ? { server: 0, load: 1, redis: availableParallelism() > 2 ? 2 : 1 } : null

function pinnable() {
  if (availableParallelism() < 2) return false
  try {
    // A container may be allowed other cores than the first.
    for (const core of ['0', '1']) execFileSync('taskset', ['-c', core, 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** `role`: whose core it gets. taskset becomes the program, so the pid is the program's. */
export function run(role, program, args, options = {}) {
  const line = cores ? ['taskset', '-c', `${cores[role]}`, program, ...args] : [program, ...args]
  const child = spawn(line[0], line.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  running.add(child)
  child.once('error', () => running.delete(child))
  child.once('exit', () => running.delete(child))
  return child
}

/** Resolves with what the first line that matches has in its group. Rejects when the program ends before, with what it said. */
export function said(child, pattern) {
  return new Promise((resolve, reject) => {
    let text = ''
    const hear = chunk => {
      // Later lines are of no interest, and a log must not grow here.
      if (text.length > 100_000) return
      text += chunk
      const match = pattern.exec(text)
      if (match) resolve(match[1])
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('error', reject)
    child.once('exit', code =>
      reject(new Error(`it ended with ${code}: ${text.trim().split('\n').slice(-3).join(' | ')}`)),
    )
  })
}

/** Ends it, by force if it does not end soon, and waits for that. */
export async function end(child) {
  if (!running.has(child)) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), endMs)
  await exited
  clearTimeout(force)
}

/** For when the bench itself is ended. */
export function killAll() {
  for (const child of running) child.kill('SIGKILL')
}

/** Whether there is such a program. */
export function has(program, args = ['--version']) {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
