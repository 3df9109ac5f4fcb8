/**
 * A real nginx with the configuration of the deployment, `server/nginx.conf`.
 *
 * Replaced in it are the addresses (the port to listen on, the three instances) and, so that it runs for any user and
 * beside others, where it keeps its temporary files. Everything else is as it is deployed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, open, readFile, rm, watch, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './ports.ts'

export interface TestNginx {
  url: string
  /** What it has written to its logs. */
  logged(): Promise<string>
  /** Ends it, and waits for its end. */
  stop(): Promise<void>
}

const file = new URL('../../server/nginx.conf', import.meta.url)

/** In front of three instances on these ports of loopback. Rejects with what nginx said if it does not start. */
export async function startNginx(instances: [number, number, number]): Promise<TestNginx> {
  const port = await freePort()
  const dir = await mkdtemp(join(tmpdir(), 'colocate-nginx-'))
  // Started by root, its workers are somebody else.
  await chmod(dir, 0o755)
  await mkdir(join(dir, 'tmp'))
  await writeFile(join(dir, 'nginx.conf'), await configuration(port, instances))
  const logFile = join(dir, 'log')
  const logged = () => readFile(logFile, 'utf8')
  const log = await open(logFile, 'a')
  // Its logs are /dev/stdout and stderr: a file can be opened by that name, one of Node's pipes can't.
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
    const said = await logged()
    await stop()
    throw new Error(`nginx did not start (Debian: apt-get install nginx): ${(error as Error).message} ${said}`)
  } finally {
    starting.abort()
  }
  return { url: `http://127.0.0.1:${port}`, logged, stop }
}

async function configuration(port: number, instances: number[]): Promise<string> {
  let text = await readFile(file, 'utf8')
  const replace = (what: string, by: string) => {
    if (!text.includes(what)) throw new Error(`nginx.conf must have "${what}"`)
    text = text.replaceAll(what, by)
  }
  replace('listen 8080;', `listen 127.0.0.1:${port};`)
  for (const [i, instance] of instances.entries()) replace(`instance-${i + 1}:3000`, `127.0.0.1:${instance}`)
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  replace('http {', ['http {', ...kinds.map(kind => `${kind}_temp_path tmp/${kind};`)].join('\n'))
  return text
}

/** Resolves once nginx listens: then it writes its pid. Must be called before nginx is. */
async function pidWritten(dir: string, signal: AbortSignal): Promise<void> {
  for await (const { filename } of watch(dir, { signal })) if (filename === 'nginx.pid') return
}

async function failure(child: ChildProcess, signal: AbortSignal): Promise<never> {
  const [code] = await once(child, 'exit', { signal })
  throw new Error(`It ended with ${code}.`)
}
