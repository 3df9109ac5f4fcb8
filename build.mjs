/**
 * Adds to `dist` what tsc does not write: the page and the client library, bundled into one file each, and the Lua
 * scripts. With `--watch`, it rebuilds them on every change.
 */
import { readdirSync } from 'node:fs'
import { context } from 'esbuild'

const page = readdirSync('web/page').filter(file => /\.(html|css|svg)$/.test(file))
const lua = readdirSync('server', { recursive: true }).filter(file => file.endsWith('.lua'))
const withoutExtension = file => file.replace(/\.\w+$/, '')

const files = await context({
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
  outdir: 'dist',
  logLevel: 'warning',
})
if (process.argv.includes('--watch')) await files.watch()
else {
  await files.rebuild()
  await files.dispose()
}
