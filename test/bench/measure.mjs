/**
 * One measurement: starts a server and a load generator, and ends both.
 */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { end, run } from './programs.mjs'
import { startServer } from './servers.mjs'

const generator = fileURLToPath(new URL('load/main.mjs', import.meta.url))
/** Longer than the longest job. */
const timeoutMs = 90_000

/** Resolves with the figures. Rejects with the reason if there are none. */
export async function measure(server, job) {
  const { stop, ...place } = await startServer(server)
  const child = run('load', process.execPath, [generator], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  try {
    child.send({ ...job, port: place.port, pid: place.pid, redisPort: place.redisPort })
    const [{ figures, error }] = await Promise.race([once(child, 'message'), once(child, 'exit').then(failed)])
    if (error) throw new Error(error)
    return figures
  } finally {
    clearTimeout(timer)
    await end(child)
    await stop()
  }
}

function failed([code, signal]) {
  throw new Error(`the generator ended with ${code ?? signal}`)
}
