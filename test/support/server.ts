/**
 * Runs the server as its users do: the built program in a process of its own, on a free port; or mounted in an application.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface TestServer {
  url: string
  port: number
  child: ChildProcess
  /** The entries that the server has logged. */
  log: Record<string, unknown>[]
  /** Ends the server by SIGTERM, as a process manager does, and waits for its exit. */
  stop(): Promise<void>
}

export const program = new URL('../../dist/server/main.js', import.meta.url).pathname

/** Set in the projects whose servers are applications that mount Colocate: behind a parser of bodies, or first. */
const { mounted } = globalThis as { mounted?: 'behind a parser' | 'first' }
export const isMounted = mounted !== undefined
const application = new URL('mounted.mjs', import.meta.url).pathname

/** Starts a server. Rejects with its error output if it ends before it listens. */
export async function startServer(env: Record<string, string> = {}, args: string[] = []): Promise<TestServer> {
  const child = spawn(process.execPath, mounted ? [application, mounted] : [program, ...args], {
    env: { PATH: process.env.PATH ?? '', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', chunk => {
    errors += chunk
  })
  const log: Record<string, unknown>[] = []
  const lines = createInterface(child.stdout)
  const port = await new Promise<number>((resolve, reject) => {
    lines.on('line', line => {
      const entry = JSON.parse(line)
      log.push(entry)
      if (entry.msg === 'listening') resolve(entry.port)
    })
    child.once('exit', code => reject(new Error(`The server ended with ${code}: ${errors}`)))
  })
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    child,
    log,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
    },
  }
}
