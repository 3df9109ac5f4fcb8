/** The package as its users have it: packed, installed in an empty project, compiled and run. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { post } from '../../../support/client.ts'
import { type Installed, installClient, packageFolder, root, run } from '../../../support/packed-client.ts'
import { startServer, type TestServer } from '../../../support/server.ts'
import { waitFor } from '../../../support/wait-for.ts'

let server: TestServer
let installed: Installed
let folder: string

beforeAll(async () => {
  ;[server, installed] = await Promise.all([
    startServer(),
    installClient(['react@18', '@types/react@18', 'typescript@5']),
  ])
  folder = installed.folder
}, 120_000)
afterAll(async () => {
  await server?.stop()
  await installed?.remove()
})

/** The first example of the README: the ten lines. */
async function tenLines(): Promise<string> {
  const readme = await readFile(join(packageFolder, 'README.md'), 'utf8')
  const [, code = ''] = /## Ten lines\n\n```js\n(.*?)```/s.exec(readme) ?? []
  expect(code.trim().split('\n').filter(Boolean).length).toBeLessThanOrEqual(10)
  return code.replace('http://127.0.0.1:3000', server.url)
}

const everything = `
import { ColocateError, joinRoom, type Collaborator, type Room } from '@colocate/client'
import { createRoomContext, useOthers } from '@colocate/client/react'
import { FatalError, openStream, RetriableError } from '@colocate/client/stream'

interface Meta { editing?: boolean; to?: { x: number; y: number } }
const room: Room<Meta> = joinRoom<Meta>('budget', { url: '/presence', token: async ({ reason }) => reason, location: { x: 1, y: 2 } })
room.on('move', ({ collaborator, previous }) => collaborator.meta?.to?.x === previous?.x)
room.on('status', (status, error) => status === 'closed' && error?.code === 'forbidden')
room.on('error', error => error instanceof ColocateError && error.detail.length)
room.move({ meta: { editing: true } })
// @ts-expect-error: meta is typed
room.move({ meta: { editing: 1 } })
// @ts-expect-error: there is no such event
room.on('moved', () => {})
const others: readonly Collaborator<Meta>[] = room.others
for await (const { type, reason } of room) console.log(type, reason, others)
const context = createRoomContext<Meta>()
const names: string[] = context.useOthers(others => others.filter(({ meta }) => meta?.editing).map(({ name }) => name))
const all: number = useOthers().length
context.RoomProvider({ room: 'budget', name: 'Alice', children: null })
for await (const { event, data, id } of openStream('/chat', { body: { names, all } })) console.log(event, data, id)
export const errors: Error[] = [new FatalError('no'), new RetriableError('later')]
await room[Symbol.asyncDispose]()
`

const compilers: [name: string, tsc: () => string][] = [
  ['5', () => join(folder, 'node_modules/typescript/bin/tsc')],
  ['7', () => join(root, 'node_modules/.bin/tsc')],
]
const resolutions = [
  ['nodenext', 'nodenext', 'es2022'],
  ['bundler', 'esnext', 'es2022'],
] as const

for (const [version, tsc] of compilers) {
  test.each(resolutions)(
    `TypeScript ${version} compiles a strict project with %s`,
    async (resolution, module, target) => {
      await Promise.all([
        writeFile(join(folder, 'ten-lines.ts'), await tenLines()),
        writeFile(join(folder, 'everything.ts'), everything),
        writeFile(
          join(folder, 'tsconfig.json'),
          JSON.stringify({
            compilerOptions: {
              strict: true,
              exactOptionalPropertyTypes: true,
              noUncheckedIndexedAccess: true,
              skipLibCheck: false,
              noEmit: true,
              target,
              module,
              moduleResolution: resolution,
              lib: ['es2022', 'dom'],
              types: [],
            },
            files: ['ten-lines.ts', 'everything.ts'],
          }),
        ),
      ])
      const { stdout } = await run(tsc(), ['-p', folder]).catch(error => error)
      expect(stdout).toBe('')
    },
    60_000,
  )
}

/** What the examples of the documentation take from around them. */
const ambient = `
declare const room: import('@colocate/client').Room<{ editing?: boolean; text?: string }>
declare const targetUrl: string
declare const messages: unknown[]
declare function toast(text: string): void
`

const pages = ['web/client/README.md', 'docs/client.md', 'docs/react.md']

test.each(pages)('every example of %s compiles', async page => {
  const text = await readFile(join(root, page), 'utf8')
  const blocks = [...text.matchAll(/^```(jsx?|tsx?|html)\n(.*?)^```/gms)].map(([, language = '', code = '']) =>
    language === 'html' ? ['js', /<script type="module">(.*?)<\/script>/s.exec(code)?.[1] ?? ''] : [language, code],
  )
  expect(blocks.length).toBeGreaterThan(2)
  const files = blocks.map(([language], index) => `example-${index}.${language}`)
  await Promise.all([
    ...blocks.map(([, code], index) => writeFile(join(folder, files[index] ?? ''), `${code}\nexport {}\n`)),
    writeFile(join(folder, 'ambient.d.ts'), ambient),
    writeFile(
      join(folder, 'tsconfig.docs.json'),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          noImplicitAny: false,
          allowJs: true,
          checkJs: true,
          noEmit: true,
          target: 'es2022',
          module: 'esnext',
          moduleResolution: 'bundler',
          jsx: 'react-jsx',
          lib: ['es2022', 'dom'],
          types: [],
          // A page without a build imports the library from the server.
          paths: {
            'https://colocate.example.com/client.js': ['./node_modules/@colocate/client/dist/client/index.d.ts'],
          },
        },
        files: [...files, 'ambient.d.ts'],
      }),
    ),
  ])
  const { stdout } = await run(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.docs.json'], {
    cwd: folder,
  }).catch(error => error)
  expect(stdout).toBe('')
})

test('the ten lines work in Node.js', async () => {
  await writeFile(join(folder, 'ten-lines.js'), `${await tenLines()}\nawait room.settled()\n`)
  await post(server.url, 'budget', { user: 'bob', name: 'Bob', x: 7, y: 8 })
  const child = run(process.execPath, ['ten-lines.js'], { cwd: folder })
  let out = ''
  await new Promise<void>((resolve, reject) => {
    child.child.stdout?.on('data', text => {
      out += text
      if (/live \[ 'Bob at 7, 8' \]/.test(out)) resolve()
    })
    child.catch(reject)
  })
  const alice = async () => {
    const response = await fetch(`${server.url}/rooms/budget/location`)
    const { locations } = (await response.json()) as { locations: { user: string; x: number }[] }
    return locations.find(({ user }) => user === 'alice')
  }
  await waitFor('the move is in the log', async () => (await alice())?.x === 3)
  expect(await alice()).toMatchObject({ name: 'Alice', x: 3, y: 2, meta: { editing: true } })
  child.catch(() => {})
  child.child.kill()
})

test('importing has no effect, also on a server, and nothing else is installed', async () => {
  const script =
    "await Promise.all(['', '/react', '/stream'].map(entry => import('@colocate/client' + entry))); console.log('end')"
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: folder })
  expect(stdout).toBe('end\n')
  const { dependencies } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8'))
  expect(dependencies).toBeUndefined()
})

test('the core has at most 8 kB, gzipped', async () => {
  const core = await readFile(join(folder, 'node_modules/@colocate/client/dist/index.js'))
  expect(gzipSync(core, { level: 9 }).length).toBeLessThanOrEqual(8_000)
})

test('the package has its types, source maps and texts, and nothing of the tests', async () => {
  const names = namesIn(gunzipSync(await readFile(installed.tarball)))
  for (const name of [
    'README.md',
    'CHANGELOG.md',
    'dist/index.js',
    'dist/index.js.map',
    'dist/client/index.d.ts',
    'dist/client/index.d.ts.map',
  ])
    expect(names).toContain(`package/${name}`)
  expect(names.filter(name => /test|(?<!\.d)\.ts$/.test(name))).toEqual([])
})

/** The names of the files in a tar archive: blocks of 512 bytes, with the name and the size in each header. */
function namesIn(tar: Buffer): string[] {
  const names: string[] = []
  for (let at = 0; at < tar.length; ) {
    const text = (start: number, length: number) =>
      tar.toString('latin1', at + start, at + start + length).replace(/\0.*/s, '')
    if (text(0, 100) === '') break
    names.push(text(0, 100))
    at += 512 * (1 + Math.ceil(Number.parseInt(text(124, 12), 8) / 512))
  }
  return names
}
