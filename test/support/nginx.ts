/**
 * A real nginx with the configuration of the deployment, `server/nginx.conf`.
 *
 * The test replaces only the addresses (the port to listen on, the three instances) and the paths of temporary files, so
 * that any user can run several of them.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, open, readFile, rm, watch, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './ports.ts'

export interface TestNginx {
  url: string
  /** Resolves with the text of nginx's logs. */
  readLog(): Promise<string>
  /** Ends nginx and waits for its exit. */
  stop(): Promise<void>
}

const run = promisify(execFile)
const selfSigned = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=127.0.0.1'.split(' ')
const file = new URL('../../server/nginx.conf', import.meta.url)

/**
 * Starts nginx in front of three instances on these loopback ports: over HTTP/1.1, or with TLS and HTTP/2. Rejects with
 * nginx's output if it does not start.
 */
export async function startNginx(instances: [number, number, number], isHttp2 = false): Promise<TestNginx> {
  const port = await freePort()
  const dir = await mkdtemp(join(tmpdir(), 'colocate-nginx-'))
  // If root starts nginx, its workers run as another user.
  await chmod(dir, 0o755)
  await mkdir(join(dir, 'tmp'))
  if (isHttp2) await run('openssl', [...selfSigned, '-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')])
  await writeFile(join(dir, 'nginx.conf'), await configuration(port, instances, isHttp2))
  const logFile = join(dir, 'log')
  const readLog = () => readFile(logFile, 'utf8')
  const log = await open(logFile, 'a')
  // nginx opens /dev/stdout and stderr by name, which works for a file but not for one of Node's pipes.
  const args = ['-p', dir, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off; pid nginx.pid;']
  const starting = new AbortController()
  const listening = pidWritten(dir, starting.signal)
  const child = spawn('nginx', args, { stdio: ['ignore', log.fd, log.fd] })
  const ended = new Promise<void>(resolve => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
    await log.close()
    await rm(dir, { recursive: true, force: true })
  }
  try {
    await Promise.race([listening, failure(child, starting.signal)])
  } catch (error) {
    const output = await readLog()
    await stop()
    throw new Error(`nginx did not start (Debian: apt-get install nginx): ${(error as Error).message} ${output}`)
  } finally {
    starting.abort()
  }
  return { url: `${isHttp2 ? 'https' : 'http'}://127.0.0.1:${port}`, readLog, stop }
}

async function configuration(port: number, instances: number[], isHttp2: boolean): Promise<string> {
  let text = await readFile(file, 'utf8')
  const replace = (what: string, by: string) => {
    if (!text.includes(what)) throw new Error(`nginx.conf must have "${what}"`)
    text = text.replaceAll(what, by)
  }
  const tls = ' ssl http2; ssl_certificate cert.pem; ssl_certificate_key key.pem'
  replace('listen 8080;', `listen 127.0.0.1:${port}${isHttp2 ? tls : ''};`)
  for (const [i, instance] of instances.entries()) replace(`instance-${i + 1}:3000`, `127.0.0.1:${instance}`)
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  replace('http {', ['http {', ...kinds.map(kind => `${kind}_temp_path tmp/${kind};`)].join('\n'))
  return text
}

/** Resolves once nginx writes its pid, which it does after it listens. Must be called before nginx starts. */
async function pidWritten(dir: string, signal: AbortSignal): Promise<void> {
  for await (const { filename } of watch(dir, { signal })) if (filename === 'nginx.pid') return
}

async function failure(child: ChildProcess, signal: AbortSignal): Promise<never> {
  const [code] = await once(child, 'exit', { signal })
  throw new Error(`nginx ended with ${code}.`)
}
