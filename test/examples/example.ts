/**
 * Installs an example in a temporary folder, as its users do, with packed tarballs in place of the packages of this
 * repository. Runs the scripts of its package.json.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, jest } from '@jest/globals'
import { pack } from '../support/pack.ts'
import { waitFor } from '../support/wait-for.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

/** The packages of this repository, by how the examples name them; the longer path first. */
const packages = ['../../web/client', '../..']

export interface Program {
  /** The origin of the first URL that it printed. */
  url: string
  /** Everything that it printed. */
  output(): string
  /** Sends SIGTERM. Resolves when the program and everything that it started have ended. */
  stop(): Promise<void>
}

export interface Example {
  folder: string
  /** Starts a script that prints the URL on which it listens, or any other address. */
  start(script: string, env?: Record<string, string>): Promise<Program>
  /** Runs a script to its end. Rejects if it fails. */
  run(script: string, env?: Record<string, string>): Promise<void>
  /** Replaces text in one of its files. Throws if the file does not contain the text. Resolves with what restores the file. */
  replace(file: string, text: string | RegExp, by: string): Promise<() => Promise<void>>
  /** Ends what still runs, and removes the folder. */
  remove(): Promise<void>
}

/** Installs an example before the tests of the file, and removes it after them. */
export function useExample(name: string): Example {
  const example = {} as Example
  // Development servers and compilers take their time on a busy machine.
  jest.setTimeout(90_000)
  beforeAll(async () => {
    Object.assign(example, await installExample(name))
  }, 180_000)
  afterAll(() => example.remove?.())
  return example
}

/** Variables of the test runner, such as NODE_ENV, are not set for examples. */
const environment = (env: Record<string, string>) => {
  const { PATH = '', HOME = '' } = process.env
  return { PATH, HOME, NO_COLOR: '1', ...env }
}

async function installExample(name: string): Promise<Example> {
  const folder = await mkdtemp(join(tmpdir(), `colocate-${name}-`))
  await cp(join(root, 'examples', name), folder, {
    recursive: true,
    filter: source => !/\/(node_modules|dist|\.next)$/.test(source),
  })
  await replacePackages(folder)
  const { NODE_ENV: _, ...env } = process.env
  await run('npm', ['ci', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: folder, env })
  const programs = new Set<Program>()

  return {
    folder,
    async start(script, env = {}) {
      const program = await startScript(folder, script, env)
      programs.add(program)
      return program
    },
    async run(script, env = {}) {
      await run('npm', ['run', '--silent', script], { cwd: folder, env: environment(env) }).catch(error => {
        throw new Error(`${script}: ${error.stdout}${error.stderr}`)
      })
    },
    async replace(file, text, by) {
      const before = await readFile(join(folder, file), 'utf8')
      const after = typeof text === 'string' ? before.replaceAll(text, by) : before.replace(text, by)
      if (after === before) throw new Error(`${file} does not contain ${text}`)
      await writeFile(join(folder, file), after)
      return () => writeFile(join(folder, file), before)
    },
    async remove() {
      await Promise.all([...programs].map(program => program.stop()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Packs each package that the example depends on, and makes package.json and the lockfile name the tarball. */
async function replacePackages(folder: string): Promise<void> {
  const files = ['package.json', 'package-lock.json'].map(file => join(folder, file))
  const texts = await Promise.all(files.map(file => readFile(file, 'utf8')))
  for (const path of packages) {
    if (!texts[0]?.includes(`"file:${path}"`)) continue
    const tarball = await pack(join(root, 'examples/plain', path), folder)
    texts.forEach((text, index) => {
      texts[index] = text.replaceAll(`"file:${path}"`, `"file:${basename(tarball)}"`)
    })
  }
  await Promise.all(files.map((file, index) => writeFile(file, texts[index] ?? '')))
}

/** npm and what it starts are one process group, so that a signal reaches all of them. */
async function startScript(folder: string, script: string, env: Record<string, string>): Promise<Program> {
  const child = spawn('npm', ['run', '--silent', script], { cwd: folder, env: environment(env), detached: true })
  let text = ''
  const url = await new Promise<string>((resolve, reject) => {
    const read = (part: Buffer) => {
      text += part
      const [found] = /https?:\/\/[\w.-]+:\d+/.exec(text) ?? []
      if (found) resolve(found)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('exit', code => reject(new Error(`${script} ended with ${code}: ${text}`)))
  })
  return {
    url,
    output: () => text,
    async stop() {
      if (hasGroup(child)) process.kill(-(child.pid as number), 'SIGTERM')
      await waitFor(`${script} ends`, () => !hasGroup(child))
    },
  }
}

/** Whether a process of the child's group is left. */
function hasGroup({ pid }: ChildProcess): boolean {
  try {
    return process.kill(-(pid as number), 0)
  } catch {
    return false
  }
}
