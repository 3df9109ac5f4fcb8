/**
 * A development server in front of a target: `node dev-server.mjs webpack|vite|umi|next <port> <target> <fault>`.
 *
 * webpack-dev-server compresses by default. umi's server is assembled here from the same parts as in umi: Express,
 * `compression`, a proxy, and a path that reports the status of the bundle. Next's server is assembled in the
 * same way: its header, `compression`, and a proxy that rewrites Host.
 *
 * Faults: `none`; `allow-compression` removes the header that forbids compression; `drop-last-event-id` removes
 * Last-Event-ID; `end-idle` ends the connection of an idle stream; `abandon-idle` ends only the connection to the target
 * and leaves the reader's open; `buffer` waits for the whole answer; `drop-query` removes the query;
 * `plain-target` gives Vite the target as plain text, so that Vite rewrites Host.
 */
import { createRequire } from 'node:module'

const [kind, port, target, fault] = process.argv.slice(2)
const require = createRequire(import.meta.url)

const listeners = {
  proxyReq: proxyReq => {
    if (fault === 'drop-last-event-id') proxyReq.removeHeader('last-event-id')
  },
  proxyRes: (proxyRes, _req, res) => {
    if (fault === 'allow-compression') delete proxyRes.headers['cache-control']
    if (fault !== 'buffer') return
    const parts = []
    proxyRes.on('data', part => parts.push(part))
    proxyRes.on('end', () => {
      res.writeHead(proxyRes.statusCode, proxyRes.headers)
      res.end(Buffer.concat(parts))
    })
  },
}
const options = {
  target,
  changeOrigin: true,
  ...(fault === 'end-idle' && { timeout: 700 }),
  ...(fault === 'abandon-idle' && { proxyTimeout: 700 }),
  ...(fault === 'buffer' && { selfHandleResponse: true }),
}
const withoutQuery = path => path.split('?')[0]

if (kind === 'webpack') {
  const webpack = require('webpack')
  const WebpackDevServer = require('webpack-dev-server')
  const compiler = webpack({
    mode: 'development',
    entry: 'data:text/javascript,1',
    infrastructureLogging: { level: 'none' },
  })
  const proxy = {
    ...options,
    context: ['/sse', '/rooms'],
    onProxyReq: listeners.proxyReq,
    onProxyRes: listeners.proxyRes,
    ...(fault === 'drop-query' && { pathRewrite: withoutQuery }),
  }
  await new WebpackDevServer({ port, host: '127.0.0.1', compress: true, hot: false, proxy: [proxy] }, compiler).start()
} else if (kind === 'vite') {
  const { createServer } = await import('vite')
  const configure = proxy => {
    for (const [event, listener] of Object.entries(listeners)) proxy.on(event, listener)
  }
  const each = { ...options, configure, ...(fault === 'drop-query' && { rewrite: withoutQuery }) }
  const server = await createServer({
    configFile: false,
    logLevel: 'silent',
    optimizeDeps: { noDiscovery: true },
    server: {
      port: Number(port),
      host: '127.0.0.1',
      strictPort: true,
      proxy: fault === 'plain-target' ? { '/sse': target, '/rooms': target } : { '/sse': each, '/rooms': each },
    },
  })
  await server.listen()
} else {
  const express = require('express')
  const requireFrom = createRequire(require.resolve('webpack-dev-server'))
  const app = express()
  app.use(requireFrom('compression')())
  if (kind === 'umi') app.get('/__umi/api/bundle-status', (_req, res) => res.json({ bundleStatus: { done: true } }))
  else {
    app.disable('x-powered-by')
    app.use((_req, res, next) => {
      res.setHeader('X-Powered-By', 'Next.js')
      next()
    })
  }
  const { createProxyMiddleware } = requireFrom('http-proxy-middleware')
  const filter = path => /^\/(sse|rooms)/.test(path)
  app.use(
    createProxyMiddleware(filter, {
      ...options,
      logLevel: 'silent',
      onProxyReq: listeners.proxyReq,
      onProxyRes: listeners.proxyRes,
      ...(fault === 'drop-query' && { pathRewrite: withoutQuery }),
    }),
  )
  app.listen(Number(port), '127.0.0.1')
}
