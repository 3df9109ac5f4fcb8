/**
 * The benchmark runs from end to end and writes its figures. The tests do not check how large they are.
 */

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from '@jest/globals'

const program = new URL('run.mjs', import.meta.url).pathname
const run = promisify(execFile)
let out = ''

beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'colocate-bench-'))
})

afterAll(() => rm(out, { recursive: true, force: true }))

const bench = (...args: string[]) => run(process.execPath, [program, '--quick', '--out', out, ...args])

test('a quick run measures Colocate and a peer, and writes a table and a plot', async () => {
  const { stdout } = await bench('--scale', '0.02', '--servers', 'ours,http', '--workloads', 'quiet,resumes')
  expect(stdout).toContain('1 quiet Colocate + Redis: ')
  expect(stdout).not.toContain('failed')

  const { runs } = JSON.parse(await readFile(join(out, 'figures.json'), 'utf8'))
  for (const server of ['ours', 'http']) {
    const { quiet, resumes } = runs[0][server]
    expect(quiet).toMatchObject({ lost: 0, p99: expect.any(Number), perSecond: expect.any(Number) })
    expect(resumes.tookMs).toEqual(expect.any(Number))
  }
  const lines = (await readFile(join(out, 'table.md'), 'utf8')).split('\n').filter(line => line.startsWith('| '))
  expect(lines[0]).toMatch(/^\| +\| +Colocate \+ Redis \| +plain node http \|$/)
  expect(lines).toHaveLength(2 + 4)
  for (const line of lines.slice(2)) expect(line).toMatch(/^\| [^|]+ \| [^|]*\d[^|]* \| [^|]*\d[^|]* \|$/)
  expect(await readFile(join(out, 'plot.svg'), 'utf8')).toMatch(/^<svg .*plain node http.*<\/svg>\n$/s)
}, 60_000)

test('an unknown server is refused with its name and the names of all servers', async () => {
  await expect(bench('--servers', 'ours,unknown')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('there is no server "unknown"; there are ours,express,'),
  })
})
