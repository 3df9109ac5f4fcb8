/** The doctor, through real proxies with correct and with faulty configurations. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { diagnose, runDoctor } from '../support/doctor.ts'
import { apache, caddy, devServer, haproxy, lighttpd, nginx, type TestProxy, varnish } from '../support/proxies.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ HEARTBEAT_MS: '1500' })
})
afterAll(() => server?.stop())

const timeoutMs = 120_000

type Setup = [name: string, start: (target: string) => Promise<TestProxy>]

/**
 * HAProxy reads `no-transform` before it changes headers, so one section removes the header and another compresses. Even
 * then HAProxy does not compress the streams, because they are not chunked and have no length.
 */
const compressingStreams = () => {
  const inner = `abns@colocate-${process.pid}`
  const outer = ['compression algo gzip', 'compression type text/event-stream', `server inner ${inner}`]
  return [...outer, 'listen inner', `bind ${inner}`, 'http-response del-header cache-control'].join('\n')
}

const correct: Setup[] = [
  ['nginx', target => nginx(target)],
  ['nginx that compresses other things', target => nginx(target, 'gzip on; gzip_types text/css application/json;')],
  ['Caddy', target => caddy(target)],
  ['Caddy that compresses', target => caddy(target, '', 'encode gzip')],
  ['HAProxy', target => haproxy(target)],
  ['HAProxy that compresses', target => haproxy(target, 'compression algo gzip')],
  ['HAProxy that would compress streams', target => haproxy(target, compressingStreams())],
  ['webpack-dev-server that compresses', target => devServer('webpack', target)],
  ['Vite', target => devServer('vite', target)],
  ['umi that compresses', target => devServer('umi', target)],
  ['Next that compresses', target => devServer('next', target)],
  ['Apache', target => apache(target)],
  ['Apache that compresses other things', target => apache(target, 'AddOutputFilterByType DEFLATE application/json')],
  ['lighttpd', target => lighttpd(target)],
  ['Varnish', target => varnish(target)],
  [
    'nginx that compresses streams in time',
    target => nginx(target, 'gzip on; gzip_types text/event-stream; gzip_proxied any; gzip_min_length 1;'),
  ],
]

type Bad = [intermediary: string, problem: string, start: (target: string) => Promise<TestProxy>, line: string]

const faulty: Bad[] = [
  [
    'nginx',
    'held back',
    target => nginx(target, 'proxy_http_version 1.0; proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;'),
    'proxy_buffering off;',
  ],
  [
    'nginx',
    'Last-Event-ID dropped',
    target => nginx(target, 'proxy_set_header Last-Event-ID "";'),
    'proxy_set_header Last-Event-ID',
  ],
  ['nginx', 'query dropped', target => nginx(target, 'rewrite ^(.*)$ $1? break;'), '$is_args$args'],
  ['nginx', 'cut off when idle', target => nginx(target, 'proxy_read_timeout 700ms;'), 'proxy_read_timeout'],
  [
    'nginx',
    'connections run out',
    target => nginx(target, 'limit_conn few 6;', 'limit_conn_zone $server_port zone=few:1m;'),
    'limit_conn',
  ],
  [
    'Caddy',
    'compressed',
    target => caddy(target, '', 'encode {\n gzip\n minimum_length 1\n match header Content-Type text/event-stream*\n}'),
    'encode',
  ],
  ['Caddy', 'Last-Event-ID dropped', target => caddy(target, 'header_up -Last-Event-ID'), 'header_up'],
  ['Caddy', 'query dropped', target => caddy(target, '', 'rewrite * {path}?'), 'rewrite'],
  ['Caddy', 'cut off when idle', target => caddy(target, 'transport http {\n read_timeout 700ms\n }'), 'read_timeout'],
  [
    'Caddy',
    'connections run out',
    target => caddy(target, 'transport http {\n max_conns_per_host 4\n }'),
    'max_conns_per_host',
  ],
  [
    'HAProxy',
    'Last-Event-ID dropped',
    target => haproxy(target, 'http-request del-header last-event-id'),
    'Last-Event-ID',
  ],
  ['HAProxy', 'query dropped', target => haproxy(target, 'http-request set-uri %[path]'), 'set-path'],
  ['HAProxy', 'cut off when idle', target => haproxy(target, 'timeout server 700ms'), 'timeout server'],
  ['HAProxy', 'connections run out', target => haproxy(target, '', 'maxconn 4'), 'maxconn'],
  ['webpack-dev-server', 'held back', target => devServer('webpack', target, 'buffer'), 'compress: false'],
  ['webpack-dev-server', 'compressed', target => devServer('webpack', target, 'allow-compression'), 'compress: false'],
  [
    'webpack-dev-server',
    'Last-Event-ID dropped',
    target => devServer('webpack', target, 'drop-last-event-id'),
    'Last-Event-ID',
  ],
  ['webpack-dev-server', 'query dropped', target => devServer('webpack', target, 'drop-query'), 'pathRewrite'],
  ['webpack-dev-server', 'cut off when idle', target => devServer('webpack', target, 'end-idle'), 'proxyTimeout: 0'],
  [
    'webpack-dev-server',
    'cut off when idle',
    target => devServer('webpack', target, 'abandon-idle'),
    'proxyTimeout: 0',
  ],
  ['Vite', 'held back', target => devServer('vite', target, 'buffer'), 'selfHandleResponse: false'],
  ['Vite', 'Last-Event-ID dropped', target => devServer('vite', target, 'drop-last-event-id'), 'Last-Event-ID'],
  ['Vite', 'query dropped', target => devServer('vite', target, 'drop-query'), 'rewrite'],
  ['Vite', 'cut off when idle', target => devServer('vite', target, 'end-idle'), 'proxyTimeout: 0'],
  ['umi', 'held back', target => devServer('umi', target, 'buffer'), 'UMI_DEV_SERVER_COMPRESS=none'],
  ['umi', 'compressed', target => devServer('umi', target, 'allow-compression'), 'UMI_DEV_SERVER_COMPRESS=none'],
  ['umi', 'Last-Event-ID dropped', target => devServer('umi', target, 'drop-last-event-id'), 'Last-Event-ID'],
  ['Next', 'compressed', target => devServer('next', target, 'allow-compression'), 'compress: false'],
  [
    'Apache',
    'held back',
    // sed writes to a pipe when it has 4 KiB.
    target => apache(target, 'ExtFilterDefine edit cmd="/usr/bin/sed s/a/a/"\nSetOutputFilter edit'),
    'remove SetOutputFilter',
  ],
  [
    'Apache',
    'query dropped',
    target => apache(target, `RewriteEngine On\nRewriteRule ^(.*)$ ${target}$1? [P]`),
    '[P,QSA]',
  ],
  ['Apache', 'Last-Event-ID dropped', target => apache(target, 'RequestHeader unset Last-Event-ID'), 'RequestHeader'],
  ['Apache', 'cut off when idle', target => apache(target, 'ProxyTimeout 1'), 'ProxyTimeout 150'],
  [
    'lighttpd',
    'held back',
    target => lighttpd(target, 'server.stream-response-body = 0'),
    'server.stream-response-body = 2',
  ],
  [
    'lighttpd',
    'Last-Event-ID dropped',
    target => lighttpd(target, 'setenv.set-request-header = ( "Last-Event-ID" => "" )'),
    'setenv.set-request-header',
  ],
  [
    'Varnish',
    'held back',
    target => varnish(target, 'sub vcl_backend_response { set beresp.do_stream = false; }'),
    'do_stream = true',
  ],
  [
    'Varnish',
    'Last-Event-ID dropped',
    target => varnish(target, 'sub vcl_recv { unset req.http.Last-Event-ID; }'),
    'unset req.http.Last-Event-ID',
  ],
  [
    'Varnish',
    'cut off when idle',
    target => varnish(target, 'sub vcl_backend_fetch { set bereq.between_bytes_timeout = 1s; }'),
    'between_bytes_timeout = 150s',
  ],
]

describe('the doctor', () => {
  test.concurrent(
    'without a proxy finds no problem and exits 0',
    async () => {
      const { code, out, err } = await runDoctor(server.url)
      expect(out).toContain('Streams arrive without problems.')
      expect(out).not.toContain('FAIL')
      expect(err).toContain('waiting for a heartbeat …\n')
      expect(code).toBe(0)
    },
    timeoutMs,
  )

  test.concurrent.each(correct)(
    'finds no problem through %s',
    async (_, start) => {
      const proxy = await start(server.url)
      try {
        expect(await diagnose(proxy.url)).toMatchObject({ ok: true, findings: [], code: 0 })
      } finally {
        await proxy.stop()
      }
    },
    timeoutMs,
  )

  test.concurrent.each(faulty)(
    'finds through %s the problem "%s" and prints how to fix it',
    async (intermediary, problem, start, line) => {
      const proxy = await start(server.url)
      try {
        const report = await diagnose(proxy.url)
        expect(report.findings.map(each => each.problem)).toEqual([problem])
        expect(report).toMatchObject({ ok: false, intermediary, code: 1 })
        const finding = report.findings.find(each => each.problem === problem)
        expect(finding?.remedies[intermediary]).toContain(line)
        expect(Object.keys(finding?.remedies ?? {})).toEqual([intermediary])
      } finally {
        await proxy.stop()
      }
    },
    timeoutMs,
  )

  test.concurrent(
    'prints its findings as text',
    async () => {
      const proxy = await nginx(server.url, 'proxy_set_header Last-Event-ID "";')
      const { code, out } = await runDoctor(proxy.url)
      await proxy.stop()
      expect(out).toContain('FAIL Last-Event-ID dropped: The header')
      expect(out).toContain('nginx:  proxy_set_header Last-Event-ID $http_last_event_id;')
      expect(out).toContain('The intermediary is nginx.')
      expect(code).toBe(1)
    },
    timeoutMs,
  )

  test.concurrent('exits 1 for a server that is unreachable or not Colocate', async () => {
    expect(await diagnose('http://127.0.0.1:1/')).toMatchObject({ code: 1, findings: [{ problem: 'unreachable' }] })
    expect(await diagnose(`${server.url}/nothing/here`)).toMatchObject({
      code: 1,
      findings: [{ problem: 'not a stream' }],
    })
    expect((await runDoctor()).code).toBe(1)
    expect((await runDoctor('not-a-url')).err).toContain('Usage:')
  })
})

afterAll(() => {
  process.stdout.write(`the doctor: ${faulty.length} faulty configurations, ${correct.length} correct ones\n`)
})
