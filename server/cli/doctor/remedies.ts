/**
 * The problems that the doctor finds, and the configuration line that fixes each of them, for each intermediary.
 */
export type StreamProblem =
  | 'unreachable'
  | 'not a stream'
  | 'held back'
  | 'compressed'
  | 'Last-Event-ID dropped'
  | 'query dropped'
  | 'cut off when idle'
  | 'connections run out'

export type Intermediary = 'nginx' | 'Caddy' | 'HAProxy' | 'webpack-dev-server' | 'Vite' | 'umi'

export const remedies: Partial<Record<StreamProblem, Record<Intermediary, string>>> = {
  'held back': {
    nginx: 'proxy_buffering off;   # and remove proxy_ignore_headers X-Accel-Buffering',
    Caddy: 'flush_interval -1   # in reverse_proxy',
    HAProxy: 'option http-no-delay   # and remove http-response wait-for-body',
    'webpack-dev-server': 'devServer: { compress: false }',
    Vite: 'server: { proxy: { … : { selfHandleResponse: false } } }   # and remove plugins that compress',
    umi: 'UMI_DEV_SERVER_COMPRESS=none umi dev',
  },
  compressed: {
    nginx: 'gzip off;   # in the location of the streams, or remove text/event-stream from gzip_types',
    Caddy: 'encode { match not header Content-Type text/event-stream }',
    HAProxy: 'compression type text/html text/css   # without text/event-stream',
    'webpack-dev-server': 'devServer: { compress: false }',
    Vite: 'plugins: []   # without the plugin that compresses',
    umi: 'UMI_DEV_SERVER_COMPRESS=none umi dev',
  },
  'Last-Event-ID dropped': {
    nginx: 'proxy_set_header Last-Event-ID $http_last_event_id;',
    Caddy: 'header_up Last-Event-ID {http.request.header.Last-Event-ID}   # in reverse_proxy',
    HAProxy:
      'http-request set-header Last-Event-ID %[req.hdr(Last-Event-ID)]   # and remove http-request del-header for it',
    'webpack-dev-server':
      "proxy: [{ …, on: { proxyReq: (proxyReq, req) => proxyReq.setHeader('Last-Event-ID', req.headers['last-event-id'] ?? '') } }]",
    Vite: "proxy: { … : { configure: proxy => proxy.on('proxyReq', (proxyReq, req) => proxyReq.setHeader('Last-Event-ID', req.headers['last-event-id'] ?? '')) } }",
    umi: "proxy: { … : { onProxyReq: (proxyReq, req) => proxyReq.setHeader('Last-Event-ID', req.headers['last-event-id'] ?? '') } }",
  },
  'query dropped': {
    nginx: 'proxy_pass http://upstream$uri$is_args$args;   # or without a path: proxy_pass http://upstream;',
    Caddy: 'rewrite * {path}?{query}',
    HAProxy: 'http-request set-path …   # instead of set-uri, which removes the query',
    'webpack-dev-server':
      "proxy: [{ …, pathRewrite: path => path.replace('/api', '') }]   # path contains the query: keep it",
    Vite: "proxy: { … : { rewrite: path => path.replace('/api', '') } }   # path contains the query: keep it",
    umi: "proxy: { … : { pathRewrite: path => path.replace('/api', '') } }   # path contains the query: keep it",
  },
  'cut off when idle': {
    nginx: 'proxy_read_timeout 150s;',
    Caddy: 'transport http { read_timeout 150s }   # in reverse_proxy, with a longer stream_timeout',
    HAProxy: 'timeout server 150s   # and timeout client 150s',
    'webpack-dev-server': 'proxy: [{ …, proxyTimeout: 0, timeout: 0 }]',
    Vite: 'proxy: { … : { proxyTimeout: 0, timeout: 0 } }',
    umi: 'proxy: { … : { proxyTimeout: 0, timeout: 0 } }',
  },
  'connections run out': {
    nginx: 'limit_conn … 100;   # with worker_connections 32768; for browsers also http2 on;',
    Caddy: 'transport http { max_conns_per_host 0 }   # in reverse_proxy; browsers use HTTP/2 with an https address',
    HAProxy: 'maxconn 20000   # also in the server line; browsers use HTTP/2 with bind … ssl alpn h2,http/1.1',
    'webpack-dev-server': 'proxy: [{ …, agent: new http.Agent({ maxSockets: Infinity }) }]',
    Vite: 'proxy: { … : { agent: new http.Agent({ maxSockets: Infinity }) } }',
    umi: 'proxy: { … : { agent: new http.Agent({ maxSockets: Infinity }) } }',
  },
}
