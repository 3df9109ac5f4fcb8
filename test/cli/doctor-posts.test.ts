/** What the doctor posts to a room, through real proxies that rewrite Host, and with tokens. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { diagnose } from '../support/doctor.ts'
import { apache, caddy, devServer, haproxy, lighttpd, nginx, type TestProxy, varnish } from '../support/proxies.ts'
import { send } from '../support/requests.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { nowSeconds, secret, sign } from '../support/tokens.ts'

let open: TestServer
/** Not in open mode, where every loopback origin is allowed. */
let strict: TestServer
beforeAll(async () => {
  open = await startServer({ HEARTBEAT_MS: '1500' })
  strict = await startServer({ HEARTBEAT_MS: '1500', AUTH: 'off' })
})
afterAll(async () => {
  await open?.stop()
  await strict?.stop()
})

const timeoutMs = 120_000

type Rewriting = [intermediary: string, start: (target: string) => Promise<TestProxy>, line: string]

/** Each passes another Host on than the browser sent. */
const rewriting: Rewriting[] = [
  ['Vite', target => devServer('vite', target, 'plain-target'), 'changeOrigin: false'],
  ['webpack-dev-server', target => devServer('webpack', target), 'changeOrigin: false'],
  ['umi', target => devServer('umi', target), 'changeOrigin: false'],
  ['Next', target => devServer('next', target), 'CORS_ORIGINS='],
  ['Apache', target => apache(target, 'ProxyPreserveHost Off'), 'ProxyPreserveHost On'],
  [
    'lighttpd',
    target => lighttpd(target, 'proxy.header = ( "map-host-request" => ( "-" => "a.example" ) )'),
    'map-host',
  ],
  ['Varnish', target => varnish(target, 'sub vcl_recv { set req.http.Host = "a.example"; }'), 'bereq.http.Host'],
  ['nginx', target => nginx(target, 'proxy_set_header Host $proxy_host;'), 'proxy_set_header Host $http_host;'],
  ['Caddy', target => caddy(target, 'header_up Host {upstream_hostport}'), 'header_up Host'],
  ['HAProxy', target => haproxy(target, 'http-request set-header Host a.example'), 'http-request set-header Host'],
]

describe('the doctor', () => {
  test.concurrent.each(rewriting)(
    'posts through %s as a page does, and finds that Host is rewritten',
    async (intermediary, start, line) => {
      const proxy = await start(strict.url)
      try {
        const report = await diagnose(proxy.url)
        expect(report).toMatchObject({ ok: false, intermediary: intermediary, code: 1 })
        expect(report.findings.map(each => each.problem)).toEqual(['Host rewritten'])
        expect(report.findings[0]?.detail).toContain(`instead of "${new URL(proxy.url).host}"`)
        expect(report.findings[0]?.detail).toContain(`CORS_ORIGINS=${proxy.url}`)
        expect(report.findings[0]?.remedies[intermediary]).toContain(line)
      } finally {
        await proxy.stop()
      }
    },
    timeoutMs,
  )

  test.concurrent(
    'with a token uses the room of --room, and leaves it',
    async () => {
      const guarded = await startServer({ HEARTBEAT_MS: '1000', AUTH_SECRET: secret })
      const token = await sign({ sub: 'alice', rooms: ['budget'], exp: nowSeconds() + 600 })
      const without = await diagnose(guarded.url)
      expect(without).toMatchObject({
        ok: true,
        code: 0,
        notes: expect.arrayContaining([expect.stringMatching(/--token/)]),
      })
      const other = await diagnose(guarded.url, '--token', token)
      expect(other.findings.map(({ problem }) => problem)).toEqual(['post refused', 'not a stream'])
      expect(other.findings[0]?.detail).toContain('Choose a room with --room.')
      const right = await diagnose(guarded.url, '--token', token, '--room', 'budget')
      expect(right).toMatchObject({ ok: true, findings: [], code: 0 })
      const headers = { authorization: `Bearer ${token}` }
      expect((await send(guarded.port, 'GET', '/rooms/budget/location', { headers })).body.locations).toEqual([])
      const proxy = await devServer('vite', guarded.url, 'plain-target')
      const rewritten = await diagnose(proxy.url, '--token', token, '--room', 'budget')
      expect(rewritten.findings.map(({ problem }) => problem)).toEqual(['Host rewritten'])
      await proxy.stop()
      await guarded.stop()
    },
    timeoutMs,
  )

  test.concurrent(
    'says why a server in open mode refuses everything',
    async () => {
      const proxy = await nginx(open.url, 'proxy_set_header Host app.example.com;')
      const report = await diagnose(proxy.url)
      await proxy.stop()
      expect(report.findings).toMatchObject([{ problem: 'not a stream', detail: expect.stringMatching(/AUTH=off/) }])
    },
    timeoutMs,
  )
})
