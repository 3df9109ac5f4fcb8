/**
 * What is wrong, in plain words, and the line of configuration that mends it.
 */
export type Trouble =
  | 'unreachable'
  | 'not a stream'
  | 'held back'
  | 'compressed'
  | 'Last-Event-ID dropped'
  | 'query dropped'
  | 'cut off when idle'
  | 'connections run out'

export type Culprit = 'nginx' | 'Caddy' | 'HAProxy' | 'webpack-dev-server' | 'Vite' | 'umi'

export const remedies: Partial<Record<Trouble, Record<Culprit, string>>> = {
  'held back': {
    nginx: 'proxy_buffering off;   # and no proxy_ignore_headers X-Accel-Buffering',
    Caddy: 'flush_interval -1   # in reverse_proxy',
    HAProxy: 'option http-no-delay   # and no http-response wait-for-body',
    'webpack-dev-server': 'devServer: { compress: false }',
    Vite: 'server: { proxy: { … : { selfHandleResponse: false } } }   # and no plugin that compresses',
    umi: 'UMI_DEV_SERVER_COMPRESS=none umi dev',
  },
  compressed: {
    nginx: 'gzip off;   # in the location of the streams, or no text/event-stream in gzip_types',
    Caddy: 'encode { match not header Content-Type text/event-stream }',
    HAProxy: 'compression type text/html text/css   # without text/event-stream',
    'webpack-dev-server': 'devServer: { compress: false }',
    Vite: 'plugins: []   # without the one that compresses',
    umi: 'UMI_DEV_SERVER_COMPRESS=none umi dev',
  },
  'Last-Event-ID dropped': {
    nginx: 'proxy_set_header Last-Event-ID $http_last_event_id;',
    Caddy: 'header_up Last-Event-ID {http.request.header.Last-Event-ID}   # in reverse_proxy',
    HAProxy: '# no http-request del-header for it: http-request set-header Last-Event-ID %[req.hdr(Last-Event-ID)]',
    'webpack-dev-server':
      "proxy: [{ …, on: { proxyReq: (proxyReq, req) => proxyReq.setHeader('Last-Event-ID', req.headers['last-event-id'] ?? '') } }]",
    Vite: "proxy: { … : { configure: proxy => proxy.on('proxyReq', (proxyReq, req) => proxyReq.setHeader('Last-Event-ID', req.headers['last-event-id'] ?? '')) } }",
    umi: "proxy: { … : { onProxyReq: (proxyReq, req) => proxyReq.setHeader('Last-Event-ID', req.headers['last-event-id'] ?? '') } }",
  },
  'query dropped': {
    nginx: 'proxy_pass http://upstream$uri$is_args$args;   # or without any path: proxy_pass http://upstream;',
    Caddy: 'rewrite * {path}?{query}',
    HAProxy: 'http-request set-path …   # in place of set-uri, which takes the query, too',
    'webpack-dev-server':
      "proxy: [{ …, pathRewrite: path => path.replace('/api', '') }]   # path has the query: keep it",
    Vite: "proxy: { … : { rewrite: path => path.replace('/api', '') } }   # path has the query: keep it",
    umi: "proxy: { … : { pathRewrite: path => path.replace('/api', '') } }   # path has the query: keep it",
  },
  'cut off when idle': {
    nginx: 'proxy_read_timeout 150s;',
    Caddy: 'transport http { read_timeout 150s }   # in reverse_proxy, and a stream_timeout above that',
    HAProxy: 'timeout server 150s   # and timeout client 150s',
    'webpack-dev-server': 'proxy: [{ …, proxyTimeout: 0, timeout: 0 }]',
    Vite: 'proxy: { … : { proxyTimeout: 0, timeout: 0 } }',
    umi: 'proxy: { … : { proxyTimeout: 0, timeout: 0 } }',
  },
  'connections run out': {
    nginx: 'limit_conn … 100;   # with worker_connections 32768; and http2 on; for browsers',
    Caddy: 'transport http { max_conns_per_host 0 }   # in reverse_proxy; browsers have HTTP/2 with an https address',
    HAProxy: 'maxconn 20000   # on the server’s line, too; browsers have HTTP/2 with bind … ssl alpn h2,http/1.1',
    'webpack-dev-server': 'proxy: [{ …, agent: new http.Agent({ maxSockets: Infinity }) }]',
    Vite: 'proxy: { … : { agent: new http.Agent({ maxSockets: Infinity }) } }',
    umi: 'proxy: { … : { agent: new http.Agent({ maxSockets: Infinity }) } }',
  },
}
