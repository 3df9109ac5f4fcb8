/** Puts beside the compiled server what tsc leaves out: its Lua scripts, and the page with its bundled scripts. `--watch` keeps the page's scripts up to date. */
import { cp, mkdir } from 'node:fs/promises'
import { context } from 'esbuild'

const scripts = await context({
  entryPoints: ['web/page.ts', 'web/relay.ts'],
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  outdir: 'dist/web',
  logLevel: 'warning',
})
await mkdir('dist/web', { recursive: true })
await cp('web', 'dist/web', { recursive: true, filter: source => !source.endsWith('.ts') })
await cp('server', 'dist/server', {
  recursive: true,
  filter: source => !/\.[a-z]+$/.test(source) || source.endsWith('.lua'),
})
if (process.argv.includes('--watch')) await scripts.watch()
else {
  await scripts.rebuild()
  await scripts.dispose()
}
