/**
 * Runs the command `colocate` as its users do, until it ends.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { program } from './server.ts'

export interface Outcome {
  code: number
  out: string
  err: string
}

/** Only variables in `env` are set. */
export async function colocate(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.on('data', part => (out += part))
  child.stderr.on('data', part => (err += part))
  const [code] = await once(child, 'close')
  return { code, out, err }
}
