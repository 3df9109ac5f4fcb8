/**
 * Builds `dist`: the server with tsc, and the page and the client library with esbuild, each script as one file.
 *
 * Only a part whose sources have changed is built. Several builds may run at once, also while a server starts: each
 * builds into a folder of its own, and then moves the files that differ into place, one atomic rename each.
 * `--watch` builds the page and the Lua scripts, and keeps them up to date.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { build, context } from 'esbuild'

const out = 'dist'
/** What was built from what: the hash of each part's sources, and its files. */
const manifestFile = join(out, '.build.json')
const tools = ['build.mjs', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json']
const withoutExtension = file => file.replace(/\.\w+$/, '')
const filesIn = (folder, pattern) =>
  readdirSync(folder, { recursive: true })
    .filter(file => pattern.test(file))
    .sort()

const page = filesIn('web/page', /\.(html|css|svg)$/)
const lua = filesIn('server', /\.lua$/)
const bundles = {
  entryPoints: [
    { in: 'web/client/index.ts', out: 'web/client' },
    ...['page.ts', 'relay.ts', ...page].map(file => ({ in: `web/page/${file}`, out: `web/${withoutExtension(file)}` })),
    ...lua.map(file => ({ in: `server/${file}`, out: `server/${withoutExtension(file)}` })),
  ],
  loader: { '.html': 'copy', '.css': 'copy', '.svg': 'copy', '.lua': 'copy' },
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  logLevel: 'warning',
}

const parts = {
  // The server imports types of web/wire.ts.
  server: {
    sources: [...filesIn('server', /\.ts$/).map(file => `server/${file}`), 'web/wire.ts'],
    async build(outdir) {
      const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
      await promisify(execFile)(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', outdir])
    },
  },
  web: {
    sources: [...filesIn('web', /\.\w+$/).map(file => `web/${file}`), ...lua.map(file => `server/${file}`)],
    build: outdir => build({ ...bundles, outdir }),
  },
}

async function buildChanged() {
  for (const [name, part] of Object.entries(parts)) {
    const hash = hashOf([...tools, ...part.sources])
    const built = readManifest()[name]
    if (built?.hash === hash && built.files.every(file => existsSync(join(out, file)))) continue
    await mkdir(out, { recursive: true })
    const temporary = await mkdtemp(join(out, '.build-'))
    try {
      await part.build(temporary)
      const files = await publish(temporary, built?.files ?? [])
      await writeWhole(temporary, manifestFile, JSON.stringify({ ...readManifest(), [name]: { hash, files } }))
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  }
}

/** Moves the files that differ into `dist`, and removes those that are no longer built. */
async function publish(temporary, before) {
  const entries = readdirSync(temporary, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  const files = entries.map(({ parentPath, name }) => join(parentPath, name).slice(temporary.length + 1))
  for (const file of files) {
    const [from, to] = [join(temporary, file), join(out, file)]
    const [made, known] = await Promise.all([readFile(from), readFile(to).catch(() => null)])
    if (known && made.equals(known)) continue
    await mkdir(dirname(to), { recursive: true })
    await rename(from, to)
  }
  for (const file of before) if (!files.includes(file)) await rm(join(out, file), { force: true })
  return files
}

async function writeWhole(temporary, file, text) {
  await writeFile(join(temporary, 'whole'), text)
  await rename(join(temporary, 'whole'), file)
}

function readManifest() {
  return existsSync(manifestFile) ? JSON.parse(readFileSync(manifestFile, 'utf8')) : {}
}

function hashOf(files) {
  const hash = createHash('sha256')
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}

if (process.argv.includes('--watch')) {
  const files = await context({ ...bundles, outdir: out })
  await files.watch()
} else {
  try {
    await buildChanged()
  } catch (error) {
    // tsc reports on stdout; esbuild has reported already.
    process.stderr.write(`${error.stdout || error.message}\n`)
    process.exit(1)
  }
}
