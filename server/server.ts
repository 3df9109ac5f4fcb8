/**
 * The parts put together: broker, hub, rooms, HTTP. No part knows how another was made.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { nanoid } from 'nanoid'
import type { Logger } from 'pino'
import type { Broker, BrokerOptions } from './broker/broker.ts'
import { MemoryBroker } from './broker/memory.ts'
import { RedisBroker } from './broker/redis/broker.ts'
import { connect } from './broker/redis/connect.ts'
import type { Config } from './config.ts'
import { createApp } from './http/app.ts'
import { Hub } from './hub/hub.ts'
import { locationFormat } from './location/format.ts'
import { createRooms } from './location/rooms.ts'
import { locationRoutes } from './location/routes.ts'

export interface Running {
  address: AddressInfo
  /** Takes nothing new, ends every stream, and resolves when all is settled. */
  drain(): Promise<void>
}

/** Above every load balancer's own, so that it is never us who closes a connection which it is about to use. */
const keepAliveMs = 75_000

/** Connections that may wait to be accepted: after a deploy everybody comes back at once, and whoever finds no place waits a second or more. */
const backlog = 4_096
/** How long requests that are under way have to be answered. */
const lastAnswersMs = 1_000

/** Rejects when the address cannot be listened on. */
export async function start(config: Config, log: Logger, webDir: string): Promise<Running> {
  const holder = nanoid(8)
  const broker = createBroker(config, log)
  const hub = new Hub(broker, locationFormat, { ...config, holder })
  let isDraining = false

  const rooms = createRooms({
    broker,
    hub,
    corsOrigins: config.corsOrigins,
    isDraining: () => isDraining,
    onOpen: room => log.info({ room }, 'stream opened'),
    onClose: (room, cause, durationMs) =>
      log.info({ room, cause, durationMs: Math.round(durationMs) }, 'stream closed'),
  })
  const app = createApp({
    location: locationRoutes(rooms),
    log,
    trustProxy: config.trustProxy,
    webDir,
    trouble: () => (isDraining ? 'The server is draining' : broker.trouble()),
  })
  const server = createServer({ keepAliveTimeout: keepAliveMs }, (req, res) => {
    // A kept connection would lead its client straight back here.
    if (isDraining) res.setHeader('Connection', 'close')
    app(req, res)
  })
  const address = await listen(server, config)

  return {
    address,
    async drain() {
      isDraining = true
      await hub.drain(config.drainMs)
      const closed = new Promise(resolve => server.close(resolve))
      server.closeIdleConnections()
      await Promise.race([closed, setTimeout(lastAnswersMs)])
      server.closeAllConnections()
      await hub.close()
      await broker.close()
    },
  }
}

function createBroker(config: Config, log: Logger): Broker {
  const { historyLength, historyTtlMs, leaseMs, graceMs } = config
  const options: BrokerOptions = { historyLength, historyTtlMs, leaseMs, graceMs }
  if (!config.redis) return new MemoryBroker(options)
  const connections = connect(config.redis, error => log.warn({ reason: error.message }, 'Redis connection failed'))
  return new RedisBroker(connections, config.redisPrefix, options)
}

function listen(server: Server, { port, host }: Config): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host, backlog }, () => resolve(server.address() as AddressInfo))
  })
}
