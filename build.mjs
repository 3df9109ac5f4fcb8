/**
 * Builds the server and the page into `dist`, and the package @colocate/client into `web/client/dist`.
 *
 * Only a part whose sources have changed is built. Several builds may run at once, also while a server starts: each
 * builds into a folder of its own, and then moves the files that differ into place, one atomic rename each.
 * `--watch` builds the page and the Lua scripts, and keeps them up to date.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build, context } from 'esbuild'

/** What was built from what: the hash of each part's sources, and its files. */
const manifestFile = 'dist/.build.json'
const tools = ['build.mjs', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'tsconfig.client.json']
const withoutExtension = file => file.replace(/\.\w+$/, '')
/** Files below a folder. What other builds are writing is never looked at, because it may vanish meanwhile. */
const filesIn = (folder, pattern, below = '') =>
  readdirSync(join(folder, below), { withFileTypes: true })
    .flatMap(entry => {
      const file = join(below, entry.name)
      if (!entry.isDirectory()) return pattern.test(file) ? [file] : []
      return ['dist', 'node_modules'].includes(entry.name) ? [] : filesIn(folder, pattern, file)
    })
    .sort()

/** What the page's HTML names. The rest is joined with these. */
const page = ['page.ts', 'page.css', 'relay.ts', 'relay.css', ...filesIn('web/page', /\.(html|svg)$/)]
const lua = filesIn('server', /\.lua$/)
const common = {
  loader: { '.html': 'copy', '.svg': 'copy', '.lua': 'copy' },
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  logLevel: 'warning',
}
const pageAndLua = {
  ...common,
  entryPoints: [
    ...page.map(file => ({ in: `web/page/${file}`, out: `web/${withoutExtension(file)}` })),
    ...lua.map(file => ({ in: `server/${file}`, out: `server/${withoutExtension(file)}` })),
  ],
}

/** The entries of the client library, each one file that imports the others; and what a page loads only when it shares. */
const clientEntries = ['index', 'react', 'stream', 'shared-connection']
const importsEntries = {
  name: 'imports between entries',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/(index|shared-connection)\.ts$/ }, ({ path, kind }) =>
      kind === 'entry-point' ? undefined : { path: path.replace(/ts$/, 'js'), external: true },
    )
  },
}
const client = {
  ...common,
  entryPoints: clientEntries.map(file => `./web/client/${file}.ts`),
  external: ['react'],
  plugins: [importsEntries],
  sourcemap: true,
}

/** In the order of their dependencies. */
const parts = {
  // The server imports types of web/wire.ts.
  server: {
    out: 'dist',
    sources: [...filesIn('server', /\.ts$/).map(file => `server/${file}`), 'web/wire.ts'],
    build: outdir => compile('tsconfig.build.json', outdir),
  },
  client: {
    out: 'web/client/dist',
    sources: [...filesIn('web/client', /\.tsx?$/).map(file => `web/client/${file}`), 'web/wire.ts'],
    async build(outdir) {
      await compile('tsconfig.client.json', outdir)
      await build({ ...client, outdir })
      for (const file of clientEntries) {
        const { length } = gzipSync(readFileSync(join(outdir, `${file}.js`)), { level: 9 })
        process.stdout.write(`@colocate/client ${file}: ${(length / 1000).toFixed(2)} kB gzipped\n`)
      }
    },
  },
  web: {
    out: 'dist',
    sources: [...filesIn('web', /\.\w+$/).map(file => `web/${file}`), ...lua.map(file => `server/${file}`)],
    async build(outdir) {
      await build({ ...pageAndLua, outdir })
      serveClient(outdir)
    },
  },
}

/** The server serves the client library, under the names that the package's own imports have. */
function serveClient(outdir) {
  const { out } = parts.client
  mkdirSync(join(outdir, 'web'), { recursive: true })
  cpSync(join(out, 'index.js'), join(outdir, 'web/client.js'))
  for (const file of ['index.js.map', 'shared-connection.js', 'shared-connection.js.map'])
    cpSync(join(out, file), join(outdir, 'web', file))
}

function compile(project, outdir) {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
  return promisify(execFile)(process.execPath, [tsc, '-p', project, '--outDir', outdir])
}

async function buildChanged() {
  await mkdir('dist', { recursive: true })
  for (const [name, part] of Object.entries(parts)) {
    const { out } = part
    const hash = hashOf([...tools, ...part.sources])
    const built = readManifest()[name]
    if (built?.hash === hash && built.files.every(file => existsSync(join(out, file)))) continue
    await mkdir(out, { recursive: true })
    const temporary = await mkdtemp(join(out, '.build-'))
    try {
      await part.build(temporary)
      const files = await publish(temporary, out, built?.files ?? [])
      await writeWhole(temporary, manifestFile, JSON.stringify({ ...readManifest(), [name]: { hash, files } }))
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  }
}

/** Moves the files that differ into `out`, and removes those that are no longer built. */
async function publish(temporary, out, before) {
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
  const files = await context({ ...pageAndLua, outdir: 'dist' })
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
