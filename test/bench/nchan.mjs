/**
 * nginx with nchan, if it is installed: the same paths and a history of the same length, with or without Redis.
 */
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { freePort } from './ports.mjs'
import { end, run } from './programs.mjs'

const places = [
  '/usr/lib/nginx/modules',
  '/usr/lib64/nginx/modules',
  '/usr/local/lib/nginx/modules',
  '/etc/nginx/modules',
]

export const nchanModule = [process.env.NCHAN_MODULE, ...places.map(place => `${place}/ngx_nchan_module.so`)].find(
  file => file && existsSync(file),
)
/** Debian installs nginx in /usr/sbin, which may be missing in PATH. */
export const nginx = existsSync('/usr/sbin/nginx') ? '/usr/sbin/nginx' : 'nginx'

const attempts = 300
const attemptMs = 10

export async function startNchan(redis) {
  const port = await freePort()
  const dir = await mkdtemp(join(tmpdir(), 'colocate-bench-nchan-'))
  // If root starts nginx, its worker runs as another user.
  await chmod(dir, 0o755)
  await mkdir(join(dir, 'tmp'))
  await writeFile(join(dir, 'nginx.conf'), configuration(port, redis))
  const child = run('server', nginx, ['-p', dir, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off;'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', chunk => {
    if (errors.length < 10_000) errors += chunk
  })
  for (let attempt = 0; !(await listens(port)); attempt++) {
    if (attempt === attempts || child.exitCode !== null) throw new Error(`nginx did not start: ${errors.trim()}`)
    await setTimeout(attemptMs)
  }
  // nginx listens before it is connected to Redis.
  if (redis) await setTimeout(500)
  return {
    port,
    pid: child.pid,
    async stop() {
      await end(child)
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function listens(port) {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

function configuration(port, redis) {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(kind => `${kind}_temp_path tmp/${kind};`)
  const pass = redis ? 'nchan_redis_pass store;' : ''
  return `
load_module ${nchanModule};
worker_processes 1;
worker_rlimit_nofile 60000;
pid nginx.pid;
error_log stderr error;
events { worker_connections 30000; }
http {
  access_log off;
  ${temporary.join('\n  ')}
  client_body_buffer_size 1m;
  keepalive_requests 10000000;
  nchan_shared_memory_size 512M;
  ${redis ? `upstream store { nchan_redis_server ${redis.url}; }` : ''}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location ~ ^/rooms/(\\w+)/location/sse$ {
      nchan_subscriber eventsource;
      nchan_channel_id $1;
      nchan_subscriber_first_message newest;
      nchan_message_buffer_length 1000;
      ${pass}
    }
    location ~ ^/rooms/(\\w+)/location$ {
      nchan_publisher;
      nchan_channel_id $1;
      nchan_message_buffer_length 1000;
      nchan_message_timeout 1h;
      ${pass}
    }
  }
}
`
}
