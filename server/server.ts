/**
 * The parts put together: broker, hub, rooms, HTTP. No part knows how another was made.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
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
import { demonstrationAt, demonstrationRoutes } from './relay/demonstration.ts'
import { perMinute } from './relay/rate.ts'
import { Relay, runFormat } from './relay/relay.ts'

export interface Running {
  address: AddressInfo
  /** Takes nothing new, ends every stream, and resolves when all is settled. */
  drain(): Promise<void>
}

/** Above every load balancer's own, so that it is never us who closes a connection which it is about to use. */
const keepAliveMs = 75_000

/** The end of an instance that relays is told to its readers elsewhere when this is over. */
const runLeaseMs = 6_000

/** Rejects when the address cannot be listened on. */
export async function start(config: Config, log: Logger, webDir: string): Promise<Running> {
  const holder = nanoid(8)
  const { broker, runBroker } = createBrokers(config, log)
  const hub = new Hub(broker, locationFormat, { ...config, holder })
  const runHub = new Hub(runBroker, runFormat, { ...config, ...runOptions(config), holder })
  const isFull = () => hub.streams + runHub.streams >= config.maxStreams
  let isDraining = false

  const rooms = createRooms({
    broker,
    hub,
    corsOrigins: config.corsOrigins,
    isDraining: () => isDraining,
    isFull,
    onOpen: room => log.info({ room }, 'stream opened'),
    onClose: (room, cause, durationMs) =>
      log.info({ room, cause, durationMs: Math.round(durationMs) }, 'stream closed'),
  })
  // Everyone is nobody in particular, for as long as there are no tokens.
  const isOpen = true
  const demonstration = () => demonstrationAt(server.address() as AddressInfo)
  const spend = perMinute(config.relayRate)
  const relay = new Relay({
    broker: runBroker,
    hub: runHub,
    holder,
    leaseMs: runLeaseMs,
    graceMs: config.relayGraceMs,
    maxBytes: config.relayMaxBytes,
    idleMs: config.relayIdleMs,
    upstreams: config.relayUpstreams,
    demonstration: () => (isOpen ? demonstration() : null),
    corsOrigins: config.corsOrigins,
    caller: async () => ({ sub: undefined }),
    spend: (req, { sub }) => spend(sub ?? req.socket.remoteAddress ?? ''),
    isDraining: () => isDraining,
    isFull,
    onBegin: upstream => log.info({ upstream }, 'run began'),
    onEnd: (upstream, cause, durationMs) =>
      log.info({ upstream, cause, durationMs: Math.round(durationMs) }, 'run ended'),
  })
  const app = createApp({
    rooms,
    relay,
    demonstration: isOpen ? demonstrationRoutes(demonstration) : undefined,
    log,
    trustProxy: config.trustProxy,
    webDir,
    trouble: () => (isDraining ? 'The server is draining' : broker.trouble()),
  })
  const server = createServer({ keepAliveTimeout: keepAliveMs }, app)
  const address = await listen(server, config)

  return {
    address,
    async drain() {
      isDraining = true
      const closed = new Promise(resolve => server.close(resolve))
      await relay.close()
      await Promise.all([hub.close(), runHub.close()])
      server.closeAllConnections()
      await closed
      await Promise.all([broker.close(), runBroker.close()])
    },
  }
}

/** One store, and two brokers: a run's log is bounded by the relay, in bytes, and its leases are short. */
function createBrokers(config: Config, log: Logger): { broker: Broker; runBroker: Broker } {
  const { redisUrl, redisPrefix, historyLength, historyTtlMs, leaseMs, graceMs } = config
  const options: BrokerOptions = { historyLength, historyTtlMs, leaseMs, graceMs }
  const ofRuns: BrokerOptions = { historyTtlMs, ...runOptions(config) }
  if (!redisUrl) return { broker: new MemoryBroker(options), runBroker: new MemoryBroker(ofRuns) }
  const connections = connect(redisUrl, error => log.warn({ reason: error.message }, 'Redis connection failed'))
  return {
    broker: new RedisBroker(connections, redisPrefix, options),
    runBroker: new RedisBroker(connections, redisPrefix, ofRuns),
  }
}

function runOptions({ relayGraceMs }: Config): Omit<BrokerOptions, 'historyTtlMs'> {
  return { historyLength: Number.MAX_SAFE_INTEGER, leaseMs: runLeaseMs, graceMs: relayGraceMs }
}

function listen(server: Server, { port, host }: Config): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve(server.address() as AddressInfo))
  })
}
