/**
 * Runs the doctor as its users do, as a process.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const program = new URL('../../dist/server/main.js', import.meta.url).pathname

export interface Report {
  url: string
  ok: boolean
  intermediary: string | null
  findings: { problem: string; detail: string; remedies: Record<string, string> }[]
  notes: string[]
}

export async function runDoctor(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [program, 'doctor', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stdout.on('data', part => (out += part))
  child.stderr.on('data', part => (err += part))
  const [code] = await once(child, 'close')
  return { code, out, err }
}

export async function diagnose(url: string): Promise<Report & { code: number }> {
  const { code, out, err } = await runDoctor('--json', url)
  if (out === '') throw new Error(`The doctor printed no report: ${err}`)
  return { code, ...JSON.parse(out) }
}
