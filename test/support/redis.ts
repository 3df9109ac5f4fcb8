/**
 * A real redis-server for a test: empty, on a free port, and deleted at the end.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePortPair } from './ports.ts'

export interface TestRedis {
  url: string
  port: number
  child: ChildProcess
  /** Whether Redis runs and is not stopped by `hang`. */
  isUp: boolean
  /** Stops the process (SIGSTOP) as if its machine hung, until `wake`. */
  hang(): void
  wake(): void
  /** Kills Redis, as if its machine lost power, and waits for its exit. */
  kill(): Promise<void>
  /** Starts Redis again on the same port and directory, with further settings. */
  restart(more?: string[]): Promise<void>
  /** Deletes the data on disk. Redis must have ended. */
  lose(): Promise<void>
  /** Ends Redis, waits for its exit and deletes its directory. */
  stop(): Promise<void>
}

/** Another process may take the free port before Redis does. Then the next port is tried. */
const attempts = 5

/** `settings` are for the command line. Rejects if there is no redis-server, or with its last output if it ends. */
export async function startRedis(settings: string[] = []): Promise<TestRedis> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOn(await freePortPair(), settings)
    } catch (error) {
      if (attempt === attempts || !(error as Error).message.includes('Address already in use')) throw error
    }
  }
}

async function startOn(port: number, settings: string[]): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'colocate-redis-'))
  const all = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    dir,
    // At its end, Redis waits for no replica and no file.
    '--shutdown-on-sigterm',
    'nosave now force',
    ...settings,
  ]
  const redis: TestRedis = {
    url: `redis://127.0.0.1:${port}`,
    port,
    child: undefined as unknown as ChildProcess,
    isUp: false,
    hang() {
      redis.isUp = false
      redis.child.kill('SIGSTOP')
    },
    wake() {
      redis.child.kill('SIGCONT')
      redis.isUp = true
    },
    async kill() {
      redis.isUp = false
      redis.child.kill('SIGKILL')
      await ended(redis.child)
    },
    async restart(more = []) {
      redis.child = await run([...all, ...more])
      redis.isUp = true
    },
    lose: () => rm(join(dir, 'appendonlydir'), { recursive: true, force: true }),
    async stop() {
      // A process that was stopped by SIGSTOP takes no other signal.
      redis.child?.kill('SIGCONT')
      redis.child?.kill('SIGTERM')
      if (redis.child) await ended(redis.child)
      await rm(dir, { recursive: true, force: true })
    },
  }
  try {
    await redis.restart()
  } catch (error) {
    await rm(dir, { recursive: true, force: true })
    throw error
  }
  return redis
}

/** Runs redis-server. Resolves once its output contains `isReady`. */
export async function run(args: string[], isReady = 'Ready to accept connections'): Promise<ChildProcess> {
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  try {
    await ready(child, isReady)
    return child
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await new Promise(resolve => child.once('exit', resolve))
}

function ready(child: ChildProcess, isReady: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const output: string[] = []
    const onLine = (line: string) => {
      output.push(line)
      if (line.includes(isReady)) resolve()
    }
    if (child.stdout) createInterface(child.stdout).on('line', onLine)
    if (child.stderr) createInterface(child.stderr).on('line', onLine)
    child.once('error', error =>
      reject(new Error(`redis-server cannot be run (Debian: apt-get install redis-server): ${error.message}`)),
    )
    child.once('close', code => reject(new Error(`redis-server ended with ${code}: ${output.slice(-5).join(' | ')}`)))
  })
}
