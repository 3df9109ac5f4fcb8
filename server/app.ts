/**
 * The parts put together: broker, hub, rooms, HTTP. No part knows how another was made.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { nanoid } from 'nanoid'
import type { Logger } from 'pino'
import { type RateLimiterAbstract, RateLimiterMemory } from 'rate-limiter-flexible'
import type { Broker, BrokerOptions } from './broker/broker.ts'
import { MemoryBroker } from './broker/memory/memory-broker.ts'
import { connect } from './broker/redis/connections.ts'
import { RedisBroker } from './broker/redis/redis-broker.ts'
import { redisLimiter } from './broker/redis/redis-limiter.ts'
import { type OnRoundTrip, RedisStore } from './broker/redis/redis-store.ts'
import type { Auth, Config } from './config.ts'
import { createAccess } from './http/access/access.ts'
import { publicKeys, secretKey } from './http/access/keys.ts'
import { Verifier } from './http/access/verifier.ts'
import { addressReader } from './http/client-address.ts'
import { isOnEventStream } from './http/event-stream.ts'
import { endConnections } from './http/head.ts'
import { PostRate } from './http/limits/post-rate.ts'
import { RoomCount } from './http/limits/room-count.ts'
import { StreamCount } from './http/limits/stream-count.ts'
import { answerMalformedRequest } from './http/malformed-request.ts'
import { createMetrics } from './http/metrics.ts'
import { adminRoutes } from './http/metrics-routes.ts'
import { createApp } from './http/router.ts'
import { Hub } from './hub/hub.ts'
import { createRooms } from './location/handlers.ts'
import { locationFormat } from './location/location-format.ts'
import { locationRoutes } from './location/routes.ts'
import { openApi } from './openapi.ts'
import { demonstrationAt, demonstrationRoutes } from './relay/demonstration.ts'
import { Relay } from './relay/relay.ts'
import { runFormat } from './relay/run-log.ts'
import { perMinute } from './relay/run-rate.ts'
import { Ticks } from './ticks/ticks.ts'

export interface Running {
  address: AddressInfo
  /** Takes nothing new, ends every stream, and resolves when all is settled. */
  drain(): Promise<void>
}

/** Above every load balancer's own, so that it is never us who closes a connection which it is about to use. */
const keepAliveMs = 75_000

/** The end of an instance that relays is told to its readers elsewhere when this is over. */
const runLeaseMs = 6_000
/**
 * Connections that may wait to be accepted: after a deploy everybody comes back at once, and whoever finds no place
 * waits a second or more.
 */
const backlog = 4_096
/** How long the start waits for the store, and how often it looks. */
const storeMs = 2_000
const lookMs = 10
/** How long requests that are under way have to be answered. */
const lastAnswersMs = 1_000
/** How long and how much a client may say before it is a request; what does not keep to it is closed. */
const httpTimeouts = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16 * 1024,
}

/** Rejects when the address cannot be listened on. */
export async function start(config: Config, log: Logger, webDir: string): Promise<Running> {
  const holder = nanoid(8)
  const metrics = createMetrics()
  const store = createStore(config, log, metrics.onRoundTrip)
  const broker = store.broker(config)
  // A run's log is bounded by the relay, in bytes, and its leases are short.
  const ofRuns = { historyLength: Number.MAX_SAFE_INTEGER, leaseMs: runLeaseMs, graceMs: config.relayGraceMs }
  const runBroker = store.broker({ ...config, ...ofRuns })
  const hub = new Hub(broker, locationFormat, { ...config, holder })
  const runHub = new Hub(runBroker, runFormat, { ...config, ...ofRuns, holder })
  metrics.watch('rooms', hub)
  metrics.watch('runs', runHub)
  const verifier = createVerifier(config.auth, log)
  const access = createAccess(verifier, config.corsOrigins)
  const addressOf = addressReader(config.trustProxy)
  const streams = new StreamCount()
  let isDraining = false
  const refusal = () => {
    if (isDraining) return 'draining'
    return hub.streams + runHub.streams >= config.maxStreams ? 'full' : null
  }

  const rooms = createRooms({
    broker,
    hub,
    access,
    limits: {
      posts: new PostRate(config.postRate, points => store.limiter('posts', points, 1)),
      rooms: new RoomCount(),
      streams,
    },
    addressOf,
    refusal,
    onRefuse: metrics.onRefuse,
    onOpen: room => log.info({ room }, 'stream opened'),
    onClose: (room, cause, durationMs) =>
      log.info({ room, cause, durationMs: Math.round(durationMs) }, 'stream closed'),
  })
  const demonstration = verifier ? undefined : () => demonstrationAt(server.address() as AddressInfo)
  const relay = new Relay({
    hub: runHub,
    runs: {
      ...ofRuns,
      broker: runBroker,
      holder: `${holder}/run`,
      historyTtlMs: config.historyTtlMs,
      maxBytes: config.relayMaxBytes,
      idleMs: config.relayIdleMs,
    },
    upstreams: config.relayUpstreams,
    demonstration,
    access,
    rate: perMinute(config.relayRate, store.limiter('relay', config.relayRate, 60)),
    streams,
    addressOf,
    refusal,
    unavailableReason: store.unavailableReason,
    onRefuse: metrics.onRefuse,
    onBegin: upstream => log.info({ upstream }, 'run began'),
    onEnd: (upstream, cause, durationMs) =>
      log.info({ upstream, cause, durationMs: Math.round(durationMs) }, 'run ended'),
  })
  const ticks = new Ticks(() => isDraining)
  const app = createApp({
    location: locationRoutes(rooms),
    relay,
    ticks,
    demonstration: demonstration && demonstrationRoutes(demonstration),
    openApi: openApi(),
    metrics,
    access,
    hasAdminPort: config.adminPort !== undefined,
    log,
    trustProxy: config.trustProxy,
    corsOrigins: config.corsOrigins,
    isOpenLoopback: config.auth.kind === 'open',
    webDir,
    unavailableReason: () => (isDraining ? 'The server is draining' : store.unavailableReason()),
  })
  const server = createServer({ keepAliveTimeout: keepAliveMs, ...httpTimeouts }, (req, res) => {
    if (!isOnEventStream(req)) app(req, res)
  })
  server.on('clientError', (error, socket) => answerMalformedRequest(error, socket as Socket))
  // Whoever asks as soon as it listens is not to be told that the store is away; but if it is, that can be said only by
  // listening.
  for (let waited = 0; store.unavailableReason() && waited < storeMs; waited += lookMs) await setTimeout(lookMs)
  const admin = createServer(adminRoutes(metrics, log))
  if (config.adminPort !== undefined) {
    const { port } = await listen(admin, config.host, config.adminPort, log)
    log.info({ port }, 'metrics')
  }
  const address = await listen(server, config.host, config.port, log)

  return {
    address,
    async drain() {
      isDraining = true
      endConnections()
      ticks.drain()
      await Promise.all([hub.drain(config.drainMs), runHub.drain(config.drainMs)])
      await relay.close()
      const closed = new Promise(resolve => server.close(resolve))
      server.closeIdleConnections()
      await Promise.race([closed, setTimeout(lastAnswersMs)])
      server.closeAllConnections()
      admin.close()
      admin.closeAllConnections()
      await Promise.all([hub.close(), runHub.close()])
      store.close()
    },
  }
}

/** Where the logs are, and the counters. */
interface Store {
  broker(options: BrokerOptions): Broker
  /** Gives `points` to each key in every `seconds`: over all instances, if the store has them all. */
  limiter(name: string, points: number, seconds: number): RateLimiterAbstract
  /** Why it can't serve at present; null when it can. */
  unavailableReason(): string | null
  close(): void
}

function createStore({ redis, redisPrefix }: Config, log: Logger, onRoundTrip: OnRoundTrip): Store {
  if (!redis) {
    return {
      broker: options => new MemoryBroker(options),
      limiter: (keyPrefix, points, duration) => new RateLimiterMemory({ keyPrefix, points, duration }),
      unavailableReason: () => null,
      close() {},
    }
  }
  const connections = connect(redis, error => log.warn({ reason: error.message }, 'Redis connection failed'))
  const store = new RedisStore(connections, redisPrefix, onRoundTrip)
  return {
    broker: options => new RedisBroker(store, options),
    limiter: (name, points, seconds) => redisLimiter(connections, `${redisPrefix}:limit:${name}`, points, seconds),
    unavailableReason: () => store.unavailableReason(),
    close: () => store.close(),
  }
}

function createVerifier(auth: Auth, log: Logger): Verifier | null {
  if (auth.kind === 'open' || auth.kind === 'off') return null
  const keys =
    auth.kind === 'secret'
      ? secretKey(auth.secret)
      : publicKeys(auth.url, reason => log.warn({ reason }, 'keys could not be fetched'))
  return new Verifier(keys, auth.expected)
}

function listen(server: Server, host: string, port: number, log: Logger): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.on('error', error => {
      if (server.listening) log.warn({ reason: error.message }, 'a connection could not be accepted')
      else reject(error)
    })
    server.listen({ port, host, backlog }, () => resolve(server.address() as AddressInfo))
  })
}
