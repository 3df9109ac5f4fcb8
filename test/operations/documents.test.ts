/** The alert rules and the dashboard: they use only metrics that exist, and the documentation explains them. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { useServer } from '../support/rooms.ts'

const root = new URL('../..', import.meta.url).pathname
const read = (file: string) => readFileSync(root + file, 'utf8')
const rules = read('docs/operations/alerts.yml')
const dashboard = JSON.parse(read('docs/operations/grafana-dashboard.json'))
const documentation = read('docs/operations.md')

/** Names of metrics, without the suffixes of histograms. `up` and `ALERTS` are Prometheus's own. */
function metricsIn(text: string): string[] {
  const names = text.match(/\b(colocate|process|nodejs)_[a-z_0-9]+\b/g) ?? []
  return [...new Set(names.map(name => name.replace(/_(bucket|sum|count)$/, '')))].sort()
}

/** The expressions of the rules, without their annotations. */
const ruleText = rules.replaceAll(/^ +(summary|runbook):.*$/gm, '').replaceAll(/name: .*/g, '')
interface Panel {
  type: string
  title: string
  gridPos: object
  targets?: { expr: string }[]
}
const panels: Panel[] = dashboard.panels.filter(({ type }: Panel) => type !== 'row')
const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))

describe('the documents for operators', () => {
  const server = useServer('redis')
  let existing: Set<string>
  beforeAll(async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text()
    existing = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name))
  })

  test.each([
    ['alert rules', ruleText, 15],
    ['dashboard', expressions.join('\n'), 25],
  ])('the %s use only metrics that exist', (_, text, least) => {
    const used = metricsIn(text)
    expect(used.length).toBeGreaterThanOrEqual(least)
    expect(used.filter(name => !existing.has(name))).toEqual([])
  })

  test('the documentation explains every metric of Colocate and every metric that is used', () => {
    const own = [...existing].filter(name => name.startsWith('colocate_')).map(name => name.slice('colocate_'.length))
    expect(own.filter(name => !documentation.includes(`| \`${name}`))).toEqual([])
    const others = metricsIn(`${ruleText}${expressions}`).filter(name => !name.startsWith('colocate_'))
    expect(others.filter(name => !documentation.includes(`\`${name}\``))).toEqual([])
  })

  test('every alert has a section that says what to do, and the section is linked', () => {
    const alerts = [...rules.matchAll(/alert: (\w+)/g)].map(([, name = '']) => name)
    const links = [...rules.matchAll(/runbook: docs\/operations\.md#(\w+)/g)].map(([, anchor = '']) => anchor)
    expect(links).toEqual(alerts.map(name => name.toLowerCase()))
    const sections = [...documentation.matchAll(/^### (Colocate\w+)$/gm)].map(([, name = '']) => name)
    expect(sections).toEqual(alerts)
  })

  test('every panel has a title of its own, a place of its own and a data source that can be chosen', () => {
    const places = panels.map(({ gridPos }) => JSON.stringify(gridPos))
    const titles = panels.map(({ title }) => title)
    for (const all of [places, titles]) expect(new Set(all).size).toBe(all.length)
    expect(JSON.stringify(dashboard.panels)).not.toMatch(/"uid":"(?!\$\{datasource\})/)
  })
})

describe('promtool', () => {
  const run = (...args: string[]) => promisify(execFile)('promtool', args, { cwd: root })

  test('accepts the rules and the expressions of the dashboard', async () => {
    expect((await run('check', 'rules', 'docs/operations/alerts.yml')).stdout).toContain('SUCCESS')
    const folder = await mkdtemp(join(tmpdir(), 'colocate-rules-'))
    const file = join(folder, 'dashboard.yml')
    const plain = expressions.map(expression => expression.replaceAll('$__rate_interval', '5m'))
    const recorded = plain.map((expr, i) => ({ record: `expression_${i}`, expr }))
    await writeFile(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: recorded }] }))
    expect((await run('check', 'rules', file)).stdout).toContain(`${expressions.length} rules found`)
    await rm(folder, { recursive: true })
  }, 60_000)

  const files = readdirSync(`${root}test/operations`).filter(file => file.endsWith('.alerts.yml'))
  test.each(files)('finds that the alerts of %s fire as they must', async file => {
    expect((await run('test', 'rules', `test/operations/${file}`)).stdout).toContain('SUCCESS')
  })
})
