/**
 * The problems that the doctor finds, and the configuration line that fixes each of them, for each intermediary.
 */
export type StreamProblem =
  | 'unreachable'
  | 'not a stream'
  | 'post refused'
  | 'Host rewritten'
  | 'held back'
  | 'compressed'
  | 'Last-Event-ID dropped'
  | 'query dropped'
  | 'cut off when idle'
  | 'connections run out'

export type Intermediary =
  | 'nginx'
  | 'Caddy'
  | 'HAProxy'
  | 'Apache'
  | 'lighttpd'
  | 'Varnish'
  | 'webpack-dev-server'
  | 'Vite'
  | 'Next'
  | 'umi'

/** `…` stands for what the configuration has already. */
export const remedies: Partial<Record<StreamProblem, Record<Intermediary, string>>> = {
  'Host rewritten': {
    nginx: 'proxy_set_header Host $http_host;',
    Caddy: 'header_up Host {http.request.hostport}   # in reverse_proxy',
    HAProxy: 'http-request set-header Host %[req.hdr(Host)]   # instead of the line that sets another Host',
    Apache: 'ProxyPreserveHost On',
    lighttpd: 'proxy.header = ( )   # without "map-host-request"',
    Varnish: 'sub vcl_backend_fetch { }   # without "set bereq.http.Host", also in vcl_recv',
    'webpack-dev-server': 'proxy: [{ …, changeOrigin: false }]',
    Vite: "proxy: { '/rooms': { target: '…', changeOrigin: false } }   # a target as plain text sets changeOrigin",
    Next: 'CORS_ORIGINS=…   # at the server: rewrites() always changes Host',
    umi: 'proxy: { … : { changeOrigin: false } }',
  },
  'held back': {
    nginx: 'proxy_buffering off;   # and remove proxy_ignore_headers X-Accel-Buffering',
    Caddy: 'flush_interval -1   # in reverse_proxy',
    HAProxy: 'option http-no-delay   # and remove http-response wait-for-body',
    Apache: 'SecResponseBodyAccess Off   # and remove SetOutputFilter of filters that wait for more data',
    lighttpd: 'server.stream-response-body = 2',
    Varnish: 'sub vcl_backend_response { set beresp.do_stream = true; }',
    'webpack-dev-server': 'devServer: { compress: false }',
    Vite: 'server: { proxy: { … : { selfHandleResponse: false } } }   # and remove plugins that compress',
    Next: 'compress: false   // in next.config.js',
    umi: 'UMI_DEV_SERVER_COMPRESS=none umi dev',
  },
  compressed: {
    nginx: 'gzip off;   # in the location of the streams, or remove text/event-stream from gzip_types',
    Caddy: 'encode { match not header Content-Type text/event-stream }',
    HAProxy: 'compression type text/html text/css   # without text/event-stream',
    Apache: 'SetEnvIf Request_URI "sse" no-gzip   # or remove text/event-stream from AddOutputFilterByType DEFLATE',
    lighttpd: 'deflate.mimetypes = ( "text/html", "text/css" )   # without text/event-stream',
    Varnish: 'sub vcl_backend_response { set beresp.do_gzip = false; }   # for text/event-stream',
    'webpack-dev-server': 'devServer: { compress: false }',
    Vite: 'plugins: []   # without the plugin that compresses',
    Next: 'compress: false   // in next.config.js',
    umi: 'UMI_DEV_SERVER_COMPRESS=none umi dev',
  },
  'Last-Event-ID dropped': {
    nginx: 'proxy_set_header Last-Event-ID $http_last_event_id;',
    Caddy: 'header_up Last-Event-ID {http.request.header.Last-Event-ID}   # in reverse_proxy',
    HAProxy:
      'http-request set-header Last-Event-ID %[req.hdr(Last-Event-ID)]   # and remove http-request del-header for it',
    Apache: 'RequestHeader …   # remove "RequestHeader unset Last-Event-ID"',
    lighttpd: 'setenv.set-request-header = ( )   # without Last-Event-ID',
    Varnish: 'sub vcl_recv { }   # without "unset req.http.Last-Event-ID", also in vcl_backend_fetch',
    'webpack-dev-server':
      "proxy: [{ …, on: { proxyReq: (proxyReq, req) => proxyReq.setHeader('Last-Event-ID', req.headers['last-event-id'] ?? '') } }]",
    Vite: "proxy: { … : { configure: proxy => proxy.on('proxyReq', (proxyReq, req) => proxyReq.setHeader('Last-Event-ID', req.headers['last-event-id'] ?? '')) } }",
    Next: 'NextResponse.rewrite(url, { request: { headers: request.headers } })   // in middleware.ts: keep every header',
    umi: "proxy: { … : { onProxyReq: (proxyReq, req) => proxyReq.setHeader('Last-Event-ID', req.headers['last-event-id'] ?? '') } }",
  },
  'query dropped': {
    nginx: 'proxy_pass http://upstream$uri$is_args$args;   # or without a path: proxy_pass http://upstream;',
    Caddy: 'rewrite * {path}?{query}',
    HAProxy: 'http-request set-path …   # instead of set-uri, which removes the query',
    Apache: 'RewriteRule … [P,QSA]   # without "?" at the end of the target',
    lighttpd: 'url.rewrite-once = ( "^(.*)$" => "…$1" )   # and add the qsa variable behind $1',
    Varnish: 'sub vcl_recv { }   # without a regsub of req.url that removes the query',
    'webpack-dev-server':
      "proxy: [{ …, pathRewrite: path => path.replace('/api', '') }]   # path contains the query: keep it",
    Vite: "proxy: { … : { rewrite: path => path.replace('/api', '') } }   # path contains the query: keep it",
    Next: "rewrites: async () => [{ source: '/api/:path*', destination: '…/:path*' }]   // keeps the query",
    umi: "proxy: { … : { pathRewrite: path => path.replace('/api', '') } }   # path contains the query: keep it",
  },
  'cut off when idle': {
    nginx: 'proxy_read_timeout 150s;',
    Caddy: 'transport http { read_timeout 150s }   # in reverse_proxy, with a longer stream_timeout',
    HAProxy: 'timeout server 150s   # and timeout client 150s',
    Apache: 'ProxyTimeout 150   # or ProxyPass … timeout=150',
    lighttpd: 'proxy.server = ( … => (( …, "read-timeout" => 150 )) )   # and server.max-write-idle = 360',
    Varnish: 'sub vcl_backend_fetch { set bereq.between_bytes_timeout = 150s; }',
    'webpack-dev-server': 'proxy: [{ …, proxyTimeout: 0, timeout: 0 }]',
    Vite: 'proxy: { … : { proxyTimeout: 0, timeout: 0 } }',
    Next: 'experimental: { proxyTimeout: 3_600_000 }   // in next.config.js',
    umi: 'proxy: { … : { proxyTimeout: 0, timeout: 0 } }',
  },
  'connections run out': {
    nginx: 'limit_conn … 100;   # with worker_connections 32768; for browsers also http2 on;',
    Caddy: 'transport http { max_conns_per_host 0 }   # in reverse_proxy; browsers use HTTP/2 with an https address',
    HAProxy: 'maxconn 20000   # also in the server line; browsers use HTTP/2 with bind … ssl alpn h2,http/1.1',
    Apache: 'MaxRequestWorkers 4000   # with ServerLimit and mpm_event; ProxyPass without max=; Protocols h2 http/1.1',
    lighttpd: 'server.max-connections = 20000   # and server.max-fds = 40000',
    Varnish: 'backend default { …; .max_connections = 20000; }   # and thread_pool_max',
    'webpack-dev-server': 'proxy: [{ …, agent: new http.Agent({ maxSockets: Infinity }) }]',
    Vite: 'proxy: { … : { agent: new http.Agent({ maxSockets: Infinity }) } }',
    Next: 'httpAgentOptions: { keepAlive: true }   // in next.config.js; rewrites() itself has no limit',
    umi: 'proxy: { … : { agent: new http.Agent({ maxSockets: Infinity }) } }',
  },
}
