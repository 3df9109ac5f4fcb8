/**
 * An application of Express 5 that mounts Colocate below a path, first or behind a parser of JSON, with the settings of the command line
 * as options. It listens, logs and drains as the command-line server does, so that the same tests run against both.
 *
 * The tests request the paths of the command-line server; the path of the mount is put before them here.
 */
import { createServer } from 'node:http'
import express from 'express'
import { pino } from 'pino'
import { createColocate } from '../../dist/server/index.js'

const mountPath = '/presence'
const { PATH: _, PORT, HOST = '127.0.0.1', LOG_LEVEL = 'info', ...settings } = process.env

/** LEASE_MS is leaseMs. */
const camelCase = name => name.toLowerCase().replace(/_(\w)/g, (_, letter) => letter.toUpperCase())

function optionsOf(variables) {
  const options = {}
  const redis = {}
  for (const [name, value] of Object.entries(variables)) {
    const [, ofRedis] = /^REDIS_(?:SENTINEL_(?=NAME))?(\w+)$/.exec(name) ?? []
    if (ofRedis) redis[camelCase(ofRedis)] = value
    else if (name.startsWith('SENTINEL_')) redis[camelCase(name)] = value
    else if (!name.startsWith('RELAY_KEY')) options[camelCase(name)] = value
  }
  return Object.keys(redis).length > 0 ? { ...options, redis } : options
}

const logger = pino({ level: LOG_LEVEL, base: null })
const colocate = await createColocate({ ...optionsOf(settings), logger, page: true })
const app = express().disable('x-powered-by')
if (process.argv[2] === 'behind a parser') app.use(express.json({ limit: '2mb' }))
app.use(mountPath, colocate.handler)

const server = createServer((req, res) => {
  req.url = req.url.replace(/^(https?:\/\/[^/?]*)?/i, `$1${mountPath}`)
  app(req, res)
})
server.listen({ port: Number(PORT), host: HOST, backlog: 4_096 }, () => {
  const { address, port } = server.address()
  logger.info({ host: address, port }, 'listening')
})

let isEnding = false
async function end(signal) {
  if (isEnding) process.exit(1)
  isEnding = true
  logger.info({ signal }, 'draining')
  await colocate.close()
  server.close()
  server.closeAllConnections()
  logger.info('ended')
  process.exit(0)
}
process.on('SIGTERM', end)
process.on('SIGINT', end)
