/**
 * The programs that the benchmark starts: each runs on its own core and is ended by its pid.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'

const running = new Set()
const endMs = 2_000

/** The server has its own core. Redis shares the generator's core, unless there is a third one. */
export const cores = pinnable() ? { server: 0, load: 1, redis: availableParallelism() > 2 ? 2 : 1 } : null

function pinnable() {
  if (availableParallelism() < 2) return false
  try {
    // A container may not be allowed to use the first two cores.
    for (const core of ['0', '1']) execFileSync('taskset', ['-c', core, 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Starts a program on the core of its `role`. taskset replaces itself with the program, so the pid is the program's. */
export function run(role, program, args, options = {}) {
  const line = cores ? ['taskset', '-c', `${cores[role]}`, program, ...args] : [program, ...args]
  const child = spawn(line[0], line.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  running.add(child)
  child.once('error', () => running.delete(child))
  child.once('exit', () => running.delete(child))
  return child
}

/** Resolves with the pattern's first group once the output matches. Rejects with the output if the program ends first. */
export function waitForOutput(child, pattern) {
  return new Promise((resolve, reject) => {
    let text = ''
    const onOutput = chunk => {
      // Later lines are not needed, and keeping them would fill the memory.
      if (text.length > 100_000) return
      text += chunk
      const match = pattern.exec(text)
      if (match) resolve(match[1])
    }
    child.stdout.on('data', onOutput)
    child.stderr.on('data', onOutput)
    child.once('error', reject)
    child.once('exit', code =>
      reject(new Error(`it ended with ${code}: ${text.trim().split('\n').slice(-3).join(' | ')}`)),
    )
  })
}

/** Ends a program, by SIGKILL if SIGTERM does not end it in time, and waits for its exit. */
export async function end(child) {
  if (!running.has(child)) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), endMs)
  await exited
  clearTimeout(force)
}

/** Ends all programs at once, for the exit of the benchmark itself. */
export function killAll() {
  for (const child of running) child.kill('SIGKILL')
}

/** Whether the program is installed. */
export function has(program, args = ['--version']) {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
