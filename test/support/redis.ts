/**
 * A real redis-server of a test's own: empty, on a free port, gone at the end.
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
  /** Whether it runs: neither ended nor hung. */
  isUp: boolean
  /** Stops it as if its machine did nothing any more (SIGSTOP), until it is woken. */
  hang(): void
  wake(): void
  /** Ends it at once, as a machine that loses its power, and waits for its end. */
  kill(): Promise<void>
  /** Starts it again after its end, on the same port, with what it had written to its directory, and these settings. */
  restart(more?: string[]): Promise<void>
  /** Takes away, once it has ended, the data that it had written. */
  lose(): Promise<void>
  /** Ends it, and waits for its end. */
  stop(): Promise<void>
}

/** Another process may take the free port before Redis does; then the next one is tried. */
const attempts = 5

/** `settings` are those of its command line. Rejects when there is no redis-server, or with what it said at its end. */
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
    // It waits for no replica and no file: nobody needs them any more.
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

/** Runs redis-server. Resolves once it said that it is ready. */
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
    const said: string[] = []
    const hear = (line: string) => {
      said.push(line)
      if (line.includes(isReady)) resolve()
    }
    if (child.stdout) createInterface(child.stdout).on('line', hear)
    if (child.stderr) createInterface(child.stderr).on('line', hear)
    child.once('error', error =>
      reject(new Error(`redis-server cannot be run (Debian: apt-get install redis-server): ${error.message}`)),
    )
    child.once('close', code => reject(new Error(`redis-server ended with ${code}: ${said.slice(-5).join(' | ')}`)))
  })
}
