/**
 * Real proxies between a client and a server: nginx, Caddy, HAProxy, Apache, lighttpd, Varnish and development servers.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './ports.ts'

export interface TestProxy {
  url: string
  stop(): Promise<void>
}

const timeoutMs = 30_000

/** `lines` go into the location, `http` around the server. */
export function nginx(target: string, lines = '', http = ''): Promise<TestProxy> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map(kind => `${kind}_temp_path ${kind};`)
    .join(' ')
  const version = lines.includes('proxy_http_version') ? '' : 'proxy_http_version 1.1;'
  const host = lines.includes('proxy_set_header Host') ? '' : 'proxy_set_header Host $http_host;'
  return run(
    'nginx.conf',
    port => `
      daemon off; pid nginx.pid; error_log stderr crit; worker_processes 1; events { worker_connections 256; }
      http { access_log off; ${temporary} ${http}
        server { listen 127.0.0.1:${port};
          location / { proxy_pass ${target}; ${version} proxy_set_header Connection ""; ${host} ${lines} }
        }
      }`,
    dir => ['nginx', '-p', dir, '-c', 'nginx.conf', '-e', 'stderr'],
  )
}

/** `lines` are directives inside `reverse_proxy`, and `site` are directives of the site block around it. */
export function caddy(target: string, lines = '', site = ''): Promise<TestProxy> {
  return run(
    'Caddyfile',
    port =>
      `{\n admin off\n auto_https off\n}\nhttp://127.0.0.1:${port} {\n ${site}\n reverse_proxy ${target} {\n ${lines}\n }\n}\n`,
    dir => ['caddy', 'run', '--adapter', 'caddyfile', '--config', join(dir, 'Caddyfile')],
  )
}

/** `lines` go into the proxy's section, `server` into the line of the server. */
export function haproxy(target: string, lines = '', server = ''): Promise<TestProxy> {
  return run(
    'haproxy.cfg',
    port =>
      `defaults\n mode http\n timeout connect 2s\n timeout client 60s\n timeout server 60s\nlisten it\n bind 127.0.0.1:${port}\n` +
      ` ${lines.replaceAll('\n', '\n ')}\n server one ${new URL(target).host} ${server}\n`,
    dir => ['haproxy', '-db', '-f', join(dir, 'haproxy.cfg')],
  )
}

const apacheModules = [
  'mpm_event',
  'authz_core',
  'proxy',
  'proxy_http',
  'headers',
  'filter',
  'deflate',
  'rewrite',
  'ext_filter',
]

/** `lines` are part of the server, `pass` follows the target of `ProxyPass`. */
export function apache(target: string, lines = '', pass = ''): Promise<TestProxy> {
  const modules = apacheModules.map(name => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
  return run(
    'apache.conf',
    port =>
      [
        ...modules,
        `Listen 127.0.0.1:${port}`,
        'ServerName localhost',
        'PidFile apache.pid',
        'ErrorLog error.log',
        'User nobody',
        'Group nogroup',
        lines.includes('ProxyPreserveHost') ? '' : 'ProxyPreserveHost On',
        lines,
        `ProxyPass / ${target}/ ${pass}`,
      ].join('\n'),
    dir => ['apache2', '-DFOREGROUND', '-d', dir, '-f', join(dir, 'apache.conf')],
  )
}

/** `lines` are part of the configuration. */
export function lighttpd(target: string, lines = ''): Promise<TestProxy> {
  const { hostname, port: targetPort } = new URL(target)
  return run(
    'lighttpd.conf',
    (port, dir) =>
      [
        'server.modules = ( "mod_rewrite", "mod_setenv", "mod_proxy", "mod_deflate" )',
        `server.document-root = "${dir}"`,
        'server.bind = "127.0.0.1"',
        `server.port = ${port}`,
        lines.includes('stream-response-body') ? '' : 'server.stream-response-body = 2',
        `proxy.server = ( "" => (( "host" => "${hostname}", "port" => ${targetPort} )) )`,
        lines,
      ].join('\n'),
    dir => ['lighttpd', '-D', '-f', join(dir, 'lighttpd.conf')],
  )
}

/** `vcl` follows the backend, whose own settings are `backend`. */
export function varnish(target: string, vcl = '', backend = ''): Promise<TestProxy> {
  const { hostname, port: targetPort } = new URL(target)
  return run(
    'default.vcl',
    () => `vcl 4.1;\nbackend default { .host = "${hostname}"; .port = "${targetPort}"; ${backend} }\n${vcl}\n`,
    (dir, port) => {
      const where = ['-a', `127.0.0.1:${port}`, '-n', join(dir, 'work'), '-f', join(dir, 'default.vcl')]
      return ['varnishd', '-F', '-j', 'none', '-s', 'malloc,16m', ...where]
    },
  )
}

/** `dev-server.mjs` describes the faults. */
export function devServer(
  kind: 'webpack' | 'vite' | 'umi' | 'next',
  target: string,
  fault = 'none',
): Promise<TestProxy> {
  const script = new URL('dev-server.mjs', import.meta.url).pathname
  return run(
    'none',
    () => '',
    (_dir, port) => [process.execPath, script, kind, String(port), target, fault],
  )
}

async function run(
  file: string,
  content: (port: number, dir: string) => string,
  command: (dir: string, port: number) => string[],
): Promise<TestProxy> {
  const port = await freePort()
  const dir = await mkdtemp(join(tmpdir(), 'colocate-proxy-'))
  await writeFile(join(dir, file), content(port, dir))
  const [program = '', ...args] = command(dir, port)
  // The program gets its own process group, so that its child processes end with it.
  const options = { detached: true, env: { ...process.env, HOME: dir } }
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', part => (output += part))
  const ended = new Promise<void>(resolve => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const stop = async () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // The program has already ended.
    }
    await ended
    // Child processes of the program may keep these streams open.
    child.stdout.destroy()
    child.stderr.destroy()
    await rm(dir, { recursive: true, force: true })
  }
  try {
    await listening(child, port)
  } catch (error) {
    await stop()
    throw new Error(
      `${program} did not start (Debian: apt-get install ${program}): ${(error as Error).message} ${output}`,
    )
  }
  return { url: `http://127.0.0.1:${port}`, stop }
}

/** Resolves once the port accepts a connection. */
async function listening(child: ChildProcess, port: number): Promise<void> {
  let failure: Error | undefined
  child.once('error', error => {
    failure = error
  })
  child.once('exit', code => {
    failure = new Error(`The program ended with ${code}.`)
  })
  const deadline = performance.now() + timeoutMs
  while (!failure && performance.now() < deadline) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isOpen) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw failure ?? new Error('The program does not listen.')
}
