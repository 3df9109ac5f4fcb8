/** `npm start`, in a checkout of its own: what it builds, and two at the same time. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'

const root = new URL('../..', import.meta.url).pathname
/** Without what is built or installed. */
const sources = ['server', 'web', 'package.json', 'package-lock.json', 'build.mjs']
const configurations = ['tsconfig.json', 'tsconfig.build.json', 'tsconfig.client.json']
const isSource = (path: string) => !/\/(dist|node_modules)(\/|$)/.test(path.slice(root.length - 1))

describe('npm start', () => {
  let checkout: string
  beforeEach(async () => {
    checkout = await mkdtemp(join(tmpdir(), 'colocate-checkout-'))
    for (const name of [...sources, ...configurations])
      await cp(join(root, name), join(checkout, name), { recursive: true, filter: isSource })
    await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'))
  })
  afterEach(() => rm(checkout, { recursive: true, force: true }))

  test('three times at once without dist starts three servers that answer', async () => {
    const started = await Promise.all([start(checkout), start(checkout), start(checkout)])
    for (const { url } of started) {
      expect((await fetch(`${url}/healthz`)).status).toBe(200)
      expect(await (await fetch(url)).text()).toContain('<title>')
    }
    await Promise.all(started.map(({ stop }) => stop()))
  }, 120_000)

  test('builds only the part whose source has changed', async () => {
    await (await start(checkout)).stop()
    const times = () => Promise.all(['server/main.js', 'server/app.js', 'web/page.css'].map(file => modified(file)))
    const first = await times()
    await (await start(checkout)).stop()
    expect(await times()).toEqual(first)
    await writeFile(join(checkout, 'web/page/page.css'), 'body { color: red }')
    await (await start(checkout)).stop()
    const [main, app, css] = await times()
    expect([main, app]).toEqual(first.slice(0, 2))
    expect(css).not.toBe(first[2])
    expect(await readFile(join(checkout, 'dist/web/page.css'), 'utf8')).toContain('red')
  }, 120_000)

  test('builds a file that is missing, and removes one whose source is gone', async () => {
    await writeFile(join(checkout, 'server/extra.ts'), 'export const extra = 1\n')
    await (await start(checkout)).stop()
    expect(await modified('server/extra.js')).toBeGreaterThan(0)
    await rm(join(checkout, 'server/extra.ts'))
    await rm(join(checkout, 'dist/server/app.js'))
    await (await start(checkout)).stop()
    await expect(modified('server/extra.js')).rejects.toThrow('ENOENT')
  }, 120_000)

  test('says what does not compile, and does not start', async () => {
    await writeFile(join(checkout, 'server/extra.ts'), 'export const extra: string = 1\n')
    await expect(start(checkout)).rejects.toThrow(/server\/extra\.ts.*TS2322/s)
  }, 120_000)

  const modified = async (file: string) => (await stat(join(checkout, 'dist', file))).mtimeMs
})

test('npm start on a terminal prints the address to open, and a log that is easy to read', async () => {
  const terminal = ['script', '-qec', 'npm start', '/dev/null']
  const { output, stop } = await start(root, terminal, /(http:\S+).*listening/s)
  expect(output).toMatch(/\n {2}Open http:\/\/localhost:\d+\/\r?\n/)
  expect(output).not.toContain('"msg"')
  await stop()
}, 60_000)

interface Started {
  url: string
  output: string
  stop(): Promise<void>
}

/** Rejects with its output if it ends before it prints its address. */
async function start(
  cwd: string,
  [command = '', ...args]: string[] = ['npm', 'start'],
  pattern = /"port":(\d+).*"msg":"listening"/,
): Promise<Started> {
  const child = spawn(command, args, {
    cwd,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', PORT: '0', TERM: 'xterm' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const address = await new Promise<string>((resolve, reject) => {
    const add = (part: Buffer) => {
      output += part
      const found = pattern.exec(output)?.[1]
      if (found !== undefined) resolve(found)
    }
    child.stdout.on('data', add)
    child.stderr.on('data', add)
    child.once('close', code => reject(new Error(`It ended with ${code}: ${output}`)))
  })
  const url = address.startsWith('http') ? address : `http://127.0.0.1:${address}`
  return { url, output, stop: () => end(child) }
}

async function end(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close')
  child.kill('SIGTERM')
  await closed
}
