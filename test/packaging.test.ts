/** The server's package as its users have it: packed or from git, installed in an empty project, compiled and run. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { pack } from './support/pack.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))

const mounted = `
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigError, createColocate, type Permission } from 'colocate'

const authorize = (req: IncomingMessage): Permission | null =>
  req.headers['x-user'] ? { user: String(req.headers['x-user']), rooms: ['budget'] } : null
const colocate = await createColocate({ authorize, leaseMs: 20_000 })
const server = createServer(colocate.handler).listen(0, '127.0.0.1', async () => {
  const { port } = server.address() as AddressInfo
  const published = await colocate.publish('budget', { user: 'alice', x: 1, y: 2 })
  const url = \`http://127.0.0.1:\${port}/rooms/budget/location\`
  const listed = await fetch(url, { headers: { 'x-user': 'alice' } })
  const refused = await fetch(url)
  const { locations } = (await listed.json()) as { locations: unknown[] }
  console.log(published.user, locations.length, refused.status, colocate.ready())
  await colocate.close()
  server.close()
})
// @ts-expect-error: a lease is a number
createColocate({ leaseMs: 'long' }).catch((error: unknown) => console.log(error instanceof ConfigError))
`

/** Commits the sources to a new git repository and returns its URL. */
async function committed(folder: string): Promise<string> {
  const repository = join(folder, 'repository')
  const names = ['server', 'web', 'package.json', 'package-lock.json', 'build.mjs']
  const configurations = ['tsconfig.json', 'tsconfig.build.json', 'tsconfig.client.json']
  const isSource = (path: string) => !/\/(dist|node_modules)(\/|$)/.test(path.slice(root.length - 1))
  for (const name of [...names, ...configurations])
    await cp(join(root, name), join(repository, name), { recursive: true, filter: isSource })
  const git = (...parameters: string[]) =>
    run('git', ['-c', 'user.name=x', '-c', 'user.email=x@localhost', ...parameters], { cwd: repository })
  await git('init', '-q')
  await git('add', '.')
  await git('commit', '-qm', 'sources')
  return `git+file://${repository}`
}

describe.each([
  ['the packed package', (folder: string) => pack(root, folder)],
  ['the package from git', committed],
])('%s', (_name, locate) => {
  let folder: string
  const inFolder = (program: string, ...parameters: string[]) => run(program, parameters, { cwd: folder })

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'colocate-package-'))
    await writeFile(join(folder, 'package.json'), '{"type":"module","private":true}')
    const source = await locate(folder)
    await inFolder('npm', 'install', '--no-audit', '--no-fund', source, 'typescript@5', '@types/node@20')
  }, 300_000)
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('compiles in a strict project, mounts, publishes and lists', async () => {
    await writeFile(join(folder, 'server.ts'), mounted)
    const flags = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node']
    await inFolder('npx', 'tsc', ...flags, 'server.ts')
    const { stdout } = await inFolder(process.execPath, 'server.js')
    expect(stdout.trim().split('\n').toSorted()).toEqual(['alice 1 401 null', 'true'])
  }, 60_000)

  test('is loaded by require', async () => {
    await mkdir(join(folder, 'commonjs'), { recursive: true })
    await writeFile(join(folder, 'commonjs/index.cjs'), "console.log(typeof require('colocate').createColocate)")
    expect((await inFolder(process.execPath, 'commonjs/index.cjs')).stdout).toBe('function\n')
  })

  test('has the command colocate', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    expect((await inFolder('npx', 'colocate', '--version')).stdout).toBe(`${version}\n`)
  })
})
