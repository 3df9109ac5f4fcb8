/**
 * `colocate doctor <url>`: checks whether event streams from the URL arrive, names problems and prints how to fix them.
 */
import { randomUUID } from 'node:crypto'
import type { CheckResult, Finding, Target } from './check.ts'
import { identifyIntermediary } from './intermediary.ts'
import { type Intermediary, remedies, type StreamProblem } from './remedies.ts'
import { checkPost, checkRoom } from './room-checks.ts'
import { checkConnections, checkLastEventId, checkQuery, checkTicks } from './tick-checks.ts'

interface Output {
  write(text: string): unknown
  isTTY?: boolean
}

export interface DoctorOptions {
  url?: string | undefined
  /** A new room by default. */
  room?: string
  token?: string
  /** Prints the result as JSON. */
  json?: string
}

const usage = 'Usage: colocate doctor <url> [options]\n'
/** Checks with streams that end by themselves. */
const endingChecks = [checkTicks, checkQuery, checkLastEventId, checkPost]
/** Checks with streams that stay open. */
const openChecks = [checkConnections, checkRoom]

/** Resolves with the exit code: 0 if there is no problem. */
export async function doctor(options: DoctorOptions, out: Output, err: Output): Promise<0 | 1> {
  const { url = '', room = `doctor-${randomUUID()}`, token, json } = options
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    err.write(usage)
    return 1
  }
  const base = new URL(url.replace(/[?#].*$/, '').replace(/\/*$/, '/'))
  const progress = createProgress(err)
  const target = { base, room, token, show: progress.show }
  const results: CheckResult[] = []
  const has = (...problems: StreamProblem[]) =>
    results.some(({ findings }) => findings.some(({ problem }) => problems.includes(problem)))
  for (const check of [...endingChecks, ...openChecks]) {
    if (has('unreachable', 'not a stream', 'connections run out')) break
    // If events are held back, nothing arrives from a stream that stays open.
    if (has('held back') && openChecks.includes(check)) break
    const failed = (error: Error) => ({ title: 'the server answers', findings: [unreachable(error)] })
    results.push(await check(target).catch(failed))
  }
  const isOk = results.every(({ findings }) => findings.length === 0)
  progress.show('identifying the proxy')
  const intermediary = isOk ? undefined : await identifyIntermediary(base)
  progress.clear()
  out.write(json ? `${JSON.stringify(asJson(base, results, intermediary))}\n` : asText(base, results, intermediary))
  return isOk ? 0 : 1
}

function unreachable(error: NodeJS.ErrnoException): Finding {
  return { problem: 'unreachable', detail: `The server cannot be reached: ${error.code ?? error.message}.` }
}

/** Returns the remedy for the intermediary, or the remedies for all if the intermediary is unknown. */
function remediesFor({ problem }: Finding, intermediary: Intermediary | undefined): [Intermediary, string][] {
  const all = Object.entries(remedies[problem] ?? {}) as [Intermediary, string][]
  return intermediary ? all.filter(([name]) => name === intermediary) : all
}

function asJson(base: URL, results: CheckResult[], intermediary: Intermediary | undefined): object {
  const findings = results.flatMap(({ findings }) => findings)
  return {
    url: base.href,
    ok: findings.length === 0,
    intermediary: intermediary ?? null,
    findings: findings.map(finding => ({
      ...finding,
      remedies: Object.fromEntries(remediesFor(finding, intermediary)),
    })),
    notes: results.flatMap(({ note }) => note ?? []),
  }
}

function asText(base: URL, results: CheckResult[], intermediary: Intermediary | undefined): string {
  const lines = [base.href, '']
  for (const { title, findings, note } of results) {
    if (findings.length === 0) lines.push(`  ok   ${title}`)
    for (const finding of findings) {
      lines.push(`  FAIL ${finding.problem}: ${finding.detail}`)
      for (const [name, line] of remediesFor(finding, intermediary)) lines.push(`       ${name}:  ${line}`)
    }
    if (note) lines.push(`  note ${note}`)
  }
  const isOk = results.every(({ findings }) => findings.length === 0)
  const cause = intermediary
    ? `The intermediary is ${intermediary}.`
    : 'The doctor could not identify the intermediary.'
  return `${lines.join('\n')}\n\n${isOk ? 'Streams arrive without problems.' : cause}\n`
}

/** On a terminal, one line that is overwritten; elsewhere, a new line unless only a count of seconds changed. */
function createProgress(err: Output): { show: Target['show']; clear(): void } {
  if (err.isTTY) return { show: text => err.write(`\r\x1b[K${text} …`), clear: () => err.write('\r\x1b[K') }
  let last = ''
  const show = (text: string) => {
    const [what = ''] = text.split(':')
    if (what !== last) err.write(`${what} …\n`)
    last = what
  }
  return { show, clear: () => {} }
}
