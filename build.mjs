/**
 * Puts into `dist` what tsc leaves out: the page, its scripts and the client library, each as one file, and the server's
 * Lua scripts. `--watch` keeps them up to date.
 */
import { context } from 'esbuild'

const files = await context({
  entryPoints: [
    'web/page.ts',
    'web/relay.ts',
    'web/client.ts',
    'web/*.html',
    'web/*.css',
    'web/*.svg',
    'server/**/*.lua',
  ],
  loader: { '.html': 'copy', '.css': 'copy', '.svg': 'copy', '.lua': 'copy' },
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  outdir: 'dist',
  outbase: '.',
  logLevel: 'warning',
})
if (process.argv.includes('--watch')) await files.watch()
else {
  await files.rebuild()
  await files.dispose()
}
