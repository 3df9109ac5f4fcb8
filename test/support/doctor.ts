/**
 * Runs the doctor as its users do, as a process.
 */
import { colocate, type Outcome } from './command.ts'

export interface Report {
  url: string
  ok: boolean
  intermediary: string | null
  findings: { problem: string; detail: string; remedies: Record<string, string> }[]
  notes: string[]
}

export function runDoctor(...args: string[]): Promise<Outcome> {
  return colocate(['doctor', ...args])
}

export async function diagnose(url: string, ...args: string[]): Promise<Report & { code: number }> {
  const { code, out, err } = await runDoctor('--json', url, ...args)
  if (out === '') throw new Error(`The doctor printed no report: ${err}`)
  return { code, ...JSON.parse(out) }
}
