/**
 * A redis-server of the benchmark: empty, and without persistence.
 */
import { tmpdir } from 'node:os'
import { freePort } from './ports.mjs'
import { end, run, waitForOutput } from './programs.mjs'

export async function startRedis() {
  const port = await freePort()
  const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tmpdir()]
  const child = run('redis', 'redis-server', settings)
  await waitForOutput(child, /(Ready to accept connections)/)
  return { url: `redis://127.0.0.1:${port}`, port, stop: () => end(child) }
}
