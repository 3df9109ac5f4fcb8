/**
 * One measurement: a server started anew, a generator started anew, and both ended.
 */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { end, run } from './programs.mjs'
import { startServer } from './servers.mjs'

const generator = fileURLToPath(new URL('load/main.mjs', import.meta.url))
/** Longer than any job takes. */
const timeoutMs = 90_000

/** Rejects with why there are no figures. */
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
