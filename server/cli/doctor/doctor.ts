/**
 * `colocate doctor <url>`: checks whether event streams from the URL arrive, names problems and prints how to fix them.
 */
import {
  type CheckResult,
  checkConnections,
  checkLastEventId,
  checkQuery,
  checkRoom,
  checkTicks,
  type Finding,
  type ShowProgress,
} from './checks.ts'
import { identifyIntermediary } from './intermediary.ts'
import { type Intermediary, remedies, type StreamProblem } from './remedies.ts'

interface Output {
  write(text: string): unknown
  isTTY?: boolean
}

const usage = 'Usage: colocate doctor [--json] <url>\n'
/** Checks with streams that end by themselves. */
const endingChecks = [checkTicks, checkQuery, checkLastEventId]
/** Checks with streams that stay open. */
const openChecks = [checkConnections, checkRoom]

/** Resolves with the exit code: 0 if there is no problem. */
export async function doctor(args: string[], out: Output, err: Output): Promise<0 | 1> {
  const isJson = args.includes('--json')
  const [address, ...rest] = args.filter(arg => arg !== '--json')
  if (!address || rest.length > 0 || !URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    err.write(usage)
    return 1
  }
  const base = new URL(address.replace(/[?#].*$/, '').replace(/\/*$/, '/'))
  const progress = createProgress(err)
  const results: CheckResult[] = []
  const has = (...problems: StreamProblem[]) =>
    results.some(({ findings }) => findings.some(({ problem }) => problems.includes(problem)))
  for (const check of [...endingChecks, ...openChecks]) {
    if (has('unreachable', 'not a stream', 'connections run out')) break
    // If events are held back, nothing arrives from a stream that stays open.
    if (has('held back') && openChecks.includes(check)) break
    const failed = (error: Error) => ({ title: 'the server answers', findings: [unreachable(error)] })
    results.push(await check(base, progress.show).catch(failed))
  }
  const isOk = results.every(({ findings }) => findings.length === 0)
  progress.show('identifying the proxy')
  const intermediary = isOk ? undefined : await identifyIntermediary(base)
  progress.clear()
  out.write(isJson ? `${JSON.stringify(asJson(base, results, intermediary))}\n` : asText(base, results, intermediary))
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
function createProgress(err: Output): { show: ShowProgress; clear(): void } {
  if (err.isTTY) return { show: text => err.write(`\r\x1b[K${text} …`), clear: () => err.write('\r\x1b[K') }
  let last = ''
  const show = (text: string) => {
    const [what = ''] = text.split(':')
    if (what !== last) err.write(`${what} …\n`)
    last = what
  }
  return { show, clear: () => {} }
}
