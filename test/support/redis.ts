/**
 * A real redis-server of a test's own: empty, on a free port, gone at the end.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './ports.ts'

export interface TestRedis {
  url: string
  port: number
  child: ChildProcess
  /** Ends it, and waits for its end. */
  stop(): Promise<void>
}

/** Another process may take the free port before Redis does; then the next one is tried. */
const attempts = 5

/** Rejects when there is no redis-server, or with what it said when it ends before it is ready. */
export async function startRedis(): Promise<TestRedis> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOn(await freePort())
    } catch (error) {
      if (attempt === attempts || !(error as Error).message.includes('Address already in use')) throw error
    }
  }
}

async function startOn(port: number): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'colocate-redis-'))
  const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir]
  const child = spawn('redis-server', settings, { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<void>(resolve => {
    child.once('close', () => resolve())
    child.once('error', () => resolve())
  })
  try {
    await ready(child)
  } catch (error) {
    child.kill('SIGKILL')
    await ended
    await rm(dir, { recursive: true, force: true })
    throw error
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    child,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        // A process that was stopped by SIGSTOP takes no other signal.
        child.kill('SIGCONT')
        child.kill('SIGTERM')
      }
      await ended
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const said: string[] = []
    const hear = (line: string) => {
      said.push(line)
      if (line.includes('Ready to accept connections')) resolve()
    }
    if (child.stdout) createInterface(child.stdout).on('line', hear)
    if (child.stderr) createInterface(child.stderr).on('line', hear)
    child.once('error', error =>
      reject(new Error(`redis-server cannot be run (Debian: apt-get install redis-server): ${error.message}`)),
    )
    child.once('close', code => reject(new Error(`redis-server ended with ${code}: ${said.slice(-5).join(' | ')}`)))
  })
}
