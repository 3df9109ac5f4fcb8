/**
 * The servers: Colocate as it is deployed, and its peers. Each measurement starts its server anew.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { nchanModule, nginx, startNchan } from './nchan.mjs'
import { end, has, run, waitForOutput } from './programs.mjs'
import { startRedis } from './redis.mjs'

const here = file => fileURLToPath(new URL(file, import.meta.url))
const program = here('../../dist/server/main.js')

async function startNode(file, env, listening) {
  const child = run('server', process.execPath, [file], {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const port = Number(await waitForOutput(child, listening))
  return { port, pid: child.pid, stop: () => end(child) }
}

const startOurs = redis => {
  const env = { PORT: '0', POST_RATE: '1000000', DRAIN_MS: '100', LOG_LEVEL: 'info' }
  return startNode(program, { ...env, ...(redis && { REDIS_URL: redis.url }) }, /"port":(\d+),"store":.*"listening"/)
}
const startPeer = name => redis =>
  startNode(here(`peers/${name}.mjs`), redis ? { REDIS_URL: redis.url } : {}, /listening on (\d+)/)

const all = [
  { id: 'ours', label: 'Colocate + Redis', redis: true, start: startOurs },
  { id: 'express', label: 'express + ioredis', redis: true, packages: true, start: startPeer('express') },
  { id: 'better-sse', label: 'better-sse', packages: true, start: startPeer('better-sse') },
  { id: 'http', label: 'plain node http', start: startPeer('http') },
  { id: 'nchan', label: 'nchan (C)', nchan: true, start: startNchan },
  { id: 'nchan-redis', label: 'nchan (C) + Redis', redis: true, nchan: true, start: startNchan },
]

/** Returns the requested servers that are installed. Calls `tell` with the reason for each server that is left out. */
export function findServers(requested, tell) {
  const unknown = requested?.filter(id => !all.some(server => server.id === id)) ?? []
  if (unknown.length > 0) throw new Error(`there is no server "${unknown}"; there are ${all.map(({ id }) => id)}`)
  if (!existsSync(program)) throw new Error('the server is not built: npm run build')
  const servers = all.filter(({ id }) => !requested || requested.includes(id))
  const hasRedis = has('redis-server')
  const hasNchan = nchanModule !== undefined && has(nginx, ['-v'])
  const hasPackages = servers.some(({ packages }) => packages) && installed(tell)
  return servers.flatMap(server => {
    const lacks =
      (server.packages && !hasPackages && 'its packages could not be installed') ||
      (server.nchan && !hasNchan && 'nchan is not installed (Debian: libnginx-mod-nchan)') ||
      (server.redis && !hasRedis && 'redis-server is not installed')
    if (!lacks) return [server]
    tell(`left out: ${server.label}: ${lacks}`)
    return []
  })
}

/** Starts the server, with an empty Redis if it needs one. */
export async function startServer({ redis: wantsRedis, start }) {
  const redis = wantsRedis ? await startRedis() : null
  try {
    const server = await start(redis)
    const stop = async () => {
      await server.stop()
      await redis?.stop()
    }
    return { ...server, redisPort: redis?.port, stop }
  } catch (error) {
    await redis?.stop()
    throw error
  }
}

/** Installs the peers' packages in test/bench, once. There is no lockfile, because it would be specific to one platform. */
function installed(tell) {
  const names = ['express', 'ioredis', 'better-sse']
  const areInstalled = () => names.every(name => existsSync(here(`node_modules/${name}/package.json`)))
  if (areInstalled()) return true
  tell('installing the peers’ packages into test/bench/node_modules')
  const args = ['install', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error']
  spawnSync('npm', args, { cwd: here('.'), stdio: 'inherit' })
  return areInstalled()
}
