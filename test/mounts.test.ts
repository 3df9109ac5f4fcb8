/**
 * The programs of docs/server-library.md, run in a fresh project that installs the packed package: what browsers and other
 * clients see of them, bare and behind compression and a parser of bodies.
 */
import { type ChildProcess, execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import type { Browser } from 'playwright-core'
import { expectToEndAlone, expectToResume } from './support/mount-checks.ts'
import { pack } from './support/pack.ts'
import { openStream } from './support/streams.ts'
import { launch, openWindow } from './web/page/browser.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
const packages = [
  ...['express@5', 'express4@npm:express@4', 'compression@1', 'typescript@5', '@types/node@20'],
  ...['@nestjs/common@11', '@nestjs/core@11', '@nestjs/platform-express@11', 'reflect-metadata@0.2', 'rxjs@7'],
]

interface Host {
  name: string
  /** The heading of its program in the documentation. */
  heading: string
  mountPath: string
  folder: string
  extension: 'js' | 'ts'
  /** What makes the program of the documentation that of this host. */
  edit?: [text: string, by: string]
  /** What puts compression and a parser in front of Colocate. The parser sets a header of the answer. */
  behind: [text: string, by: string]
}

const express: Omit<Host, 'name' | 'folder'> = {
  heading: 'Express 4 and 5',
  mountPath: '/presence',
  extension: 'js',
  behind: [
    'const app = express()\n',
    `import compression from 'compression'
const app = express()
app.use(compression({ threshold: 0 }))
app.use(express.json({ verify: (_req, res) => void res.setHeader('X-Parsed-By', 'host') }))
`,
  ],
}

const hosts: Host[] = [
  { ...express, name: 'Express 5', folder: 'express-5' },
  { ...express, name: 'Express 4', folder: 'express-4', edit: ["from 'express'", "from 'express4'"] },
  {
    name: 'Nest 11',
    heading: 'Nest 11',
    mountPath: '/presence',
    folder: 'nest',
    extension: 'ts',
    behind: [
      'const app = await NestFactory.create(AppModule)\n',
      `const app = await NestFactory.create<import('@nestjs/platform-express').NestExpressApplication>(AppModule)
  app.use(require('compression')({ threshold: 0 }))
  app.useBodyParser('json', { verify: (_req, res) => void res.setHeader('X-Parsed-By', 'host') })
`,
    ],
  },
  {
    name: 'plain http',
    heading: '`node:http`',
    mountPath: '',
    folder: 'http',
    extension: 'js',
    // Nothing compresses here, and the application reads the body itself.
    behind: [
      'createServer((req, res) => {\n',
      `createServer(async (req, res) => {
  res.setHeader('X-Parsed-By', 'host')
  if (req.method === 'POST') req.body = await (await import('node:stream/consumers')).json(req)
`,
    ],
  },
]

/** What a new Nest project has, apart from its main.ts. It is CommonJS. */
const nestFiles = {
  'package.json': '{ "private": true }',
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      module: 'nodenext',
      target: 'es2023',
      esModuleInterop: true,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      strictNullChecks: true,
      skipLibCheck: true,
      types: ['node'],
    },
  }),
  'app.module.ts': `
import { Controller, Get, Module } from '@nestjs/common'

@Controller('hello')
class HelloController {
  @Get()
  hello(): string {
    return 'hello'
  }
}

@Module({ controllers: [HelloController] })
export class AppModule {}
`,
}

/** Listens on a free port, sends it to this test, and closes Colocate on request. */
const listen = `
  const listening = await $1.listen(0, '127.0.0.1')
  if (!listening.listening) await new Promise(resolve => listening.once('listening', resolve))
  process.on('message', () => colocate.close().then(() => process.send?.('closed')))
  process.send?.(listening.address())
`

const documentation = await readFile(join(root, 'docs/server-library.md'), 'utf8')

function documentedProgram({ heading }: Host): string {
  const section = documentation.split('\n### ').find(text => text.startsWith(`${heading}\n`))
  return /^```[jt]s\n(.*?)^```/ms.exec(section ?? '')?.[1] ?? ''
}

function edit(text: string, [from, to]: readonly [string | RegExp, string]): string {
  const edited = text.replace(from, to)
  if (edited === text) throw new Error(`The program does not contain ${from}:\n${text}`)
  return edited
}

let folder: string
let browser: Browser
const children: ChildProcess[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'colocate-mounts-'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module", "private": true }')
  await run('npm', ['install', '--no-audit', '--no-fund', await pack(root, folder), ...packages], { cwd: folder })
  for (const host of hosts) {
    await mkdir(join(folder, host.folder))
    const program = edit(documentedProgram(host), [/(?:await )?(\w+)\.listen\(3000\)\n/, listen])
    const bare = host.edit ? edit(program, host.edit) : program
    await writeFile(join(folder, host.folder, `bare.${host.extension}`), bare)
    await writeFile(join(folder, host.folder, `behind.${host.extension}`), edit(bare, host.behind))
  }
  for (const [name, text] of Object.entries(nestFiles)) await writeFile(join(folder, 'nest', name), text)
  await run('npx', ['tsc', '-p', 'nest'], { cwd: folder }).catch(({ stdout }) => {
    throw new Error(stdout)
  })
  browser = await launch()
}, 300_000)
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(async () => {
  await browser?.close()
  await rm(folder, { recursive: true, force: true })
})

/** Starts a program. Returns where Colocate is mounted in it, and a route of the host, which answers `hello`. */
async function start({ folder: hostFolder, mountPath }: Host, program: 'bare' | 'behind') {
  const { PATH } = process.env
  const child = fork(`${program}.js`, { cwd: join(folder, hostFolder), env: { PATH }, execArgv: [], silent: true })
  children.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', text => {
      output += text
    })
  const ended = once(child, 'close').then(() => Promise.reject(new Error(`The host ended: ${output}`)))
  const [{ port }] = await Promise.race([once(child, 'message'), ended])
  const origin = `http://127.0.0.1:${port}`
  return {
    mounted: origin + mountPath,
    ownRoute: `${origin}/hello`,
    close() {
      child.send('close')
      return once(child, 'message')
    },
  }
}

describe.each(hosts)('$name', host => {
  test('needs at most five lines for Colocate', () => {
    const lines = documentedProgram(host).split('\n')
    const ofColocate = lines.filter(line => /colocate/i.test(line))
    expect(ofColocate.length).toBeGreaterThan(2)
    expect(ofColocate.length).toBeLessThanOrEqual(5)
  })

  test('shows two browsers where the other is', async () => {
    const { mounted } = await start(host, 'bare')
    const visit = (user: string) => openWindow(browser, `${mounted}/?room=budget&bots=0&user=${user}`)
    const alice = await visit('alice')
    const bob = await visit('bob')
    await alice.page.locator('[data-cell="C3"]').click()
    await bob.sees('alice', 'C3')
    await bob.page.locator('[data-cell="D5"]').click()
    await alice.sees('bob', 'D5')
    expect([...alice.errors, ...bob.errors]).toEqual([])
    await Promise.all([alice.close(), bob.close()])
  }, 60_000)

  test('resumes a stream after its Last-Event-ID with what it missed and no more', async () => {
    const { mounted } = await start(host, 'bare')
    await expectToResume(mounted)
  })

  test('uses a body that the host has parsed, and delivers its event at once, behind compression', async () => {
    const { mounted, ownRoute } = await start(host, 'behind')
    const headers = { 'accept-encoding': 'gzip' }
    const isCompressed = (await fetch(ownRoute, { headers })).headers.has('content-encoding')
    expect(isCompressed).toBe(host.name !== 'plain http')
    const stream = await openStream(`${mounted}/rooms/budget/location/sse`, { headers })
    expect(stream.headers.get('content-encoding')).toBeNull()
    await stream.next('snapshot')
    for (const x of [1, 2, 3]) {
      const answer = await fetch(`${mounted}/rooms/budget/location`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ user: 'alice', x, y: 1 }),
      })
      expect(answer.status).toBe(200)
      expect(answer.headers.get('x-parsed-by')).toBe('host')
      expect(await stream.next()).toMatchObject({ type: 'location', user: 'alice', x })
    }
    // Only the comment that follows the snapshot: no later one had to push an event out.
    expect(stream.text.match(/^:/gm)?.length ?? 0).toBeLessThanOrEqual(1)
    stream.close()
  })

  test('goes on with its own routes after close', async () => {
    const { mounted, ownRoute, close } = await start(host, 'bare')
    await expectToEndAlone(mounted, ownRoute, close)
  })
})
