/**
 * `colocate doctor <url>`: whether a stream gets through to here and, if not, what is in the way and how to mend it.
 */
import {
  type Finding,
  type Look,
  lookAtConnections,
  lookAtLastEventId,
  lookAtQuery,
  lookAtRoom,
  lookAtTicks,
  type Say,
} from './checks.ts'
import { whoStandsBetween } from './culprit.ts'
import { type Culprit, remedies, type Trouble } from './remedies.ts'

interface Output {
  write(text: string): unknown
  isTTY?: boolean
}

const usage = 'Usage: colocate doctor [--json] <url>\n'
/** Of streams that end by themselves, and of streams that stay open. */
const firstLooks = [lookAtTicks, lookAtQuery, lookAtLastEventId]
const laterLooks = [lookAtConnections, lookAtRoom]

/** Resolves with the exit code: 0 when nothing is in the way. */
export async function doctor(args: string[], out: Output, err: Output): Promise<0 | 1> {
  const isJson = args.includes('--json')
  const [address, ...rest] = args.filter(arg => arg !== '--json')
  if (!address || rest.length > 0 || !URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    err.write(usage)
    return 1
  }
  const base = new URL(address.replace(/[?#].*$/, '').replace(/\/*$/, '/'))
  const progress = progressOn(err)
  const taken: Look[] = []
  const has = (...troubles: Trouble[]) =>
    taken.some(({ findings }) => findings.some(({ trouble }) => troubles.includes(trouble)))
  for (const look of [...firstLooks, ...laterLooks]) {
    if (has('unreachable', 'not a stream', 'connections run out')) break
    // Where events are held back, nothing that stays open can be seen.
    if (has('held back') && laterLooks.includes(look)) break
    taken.push(await look(base, progress.say).catch(error => ({ about: 'it answers', findings: [unreachable(error)] })))
  }
  const isWell = taken.every(({ findings }) => findings.length === 0)
  progress.say('asking who stands between')
  const culprit = isWell ? undefined : await whoStandsBetween(base)
  progress.clear()
  out.write(isJson ? `${JSON.stringify(asJson(base, taken, culprit))}\n` : asText(base, taken, culprit))
  return isWell ? 0 : 1
}

function unreachable(error: NodeJS.ErrnoException): Finding {
  return { trouble: 'unreachable', detail: `It cannot be reached: ${error.code ?? error.message}.` }
}

/** The lines for whoever is in the way; for all who might be, if nobody knows. */
function linesFor({ trouble }: Finding, culprit: Culprit | undefined): [Culprit, string][] {
  const known = Object.entries(remedies[trouble] ?? {}) as [Culprit, string][]
  return culprit ? known.filter(([name]) => name === culprit) : known
}

function asJson(base: URL, taken: Look[], culprit: Culprit | undefined): object {
  const findings = taken.flatMap(({ findings }) => findings)
  return {
    url: base.href,
    ok: findings.length === 0,
    culprit: culprit ?? null,
    findings: findings.map(finding => ({ ...finding, remedies: Object.fromEntries(linesFor(finding, culprit)) })),
    notes: taken.flatMap(({ note }) => note ?? []),
  }
}

function asText(base: URL, taken: Look[], culprit: Culprit | undefined): string {
  const lines = [base.href, '']
  for (const { about, findings, note } of taken) {
    if (findings.length === 0) lines.push(`  ok   ${about}`)
    for (const finding of findings) {
      lines.push(`  BAD  ${finding.trouble}: ${finding.detail}`)
      for (const [name, line] of linesFor(finding, culprit)) lines.push(`       ${name}:  ${line}`)
    }
    if (note) lines.push(`  note ${note}`)
  }
  const isWell = taken.every(({ findings }) => findings.length === 0)
  const blame = culprit ? `${culprit} is in the way.` : 'Something is in the way; it does not say what it is.'
  return `${lines.join('\n')}\n\n${isWell ? 'Streams get through.' : blame}\n`
}

/** One line that is written over on a terminal; a line each elsewhere, but for what only counts seconds. */
function progressOn(err: Output): { say: Say; clear(): void } {
  if (err.isTTY) return { say: text => err.write(`\r\x1b[K${text} …`), clear: () => err.write('\r\x1b[K') }
  let last = ''
  const say = (text: string) => {
    const [what = ''] = text.split(':')
    if (what !== last) err.write(`${what} …\n`)
    last = what
  }
  return { say, clear: () => {} }
}
