/**
 * Composition: creates each part and hands it to the parts that use it, from the store at the top to the handler at the bottom.
 */
import { setTimeout } from 'node:timers/promises'
import { nanoid } from 'nanoid'
import type { Logger } from 'pino'
import { MemoryStore } from './broker/memory/memory-store.ts'
import { connect } from './broker/redis/connections.ts'
import { RedisStore } from './broker/redis/redis-store.ts'
import type { Store } from './broker/store.ts'
import type { Auth, Config } from './config/config.ts'
import { createAuthenticate } from './http/access/access.ts'
import { publicKeys, secretKey } from './http/access/keys.ts'
import { type Authorize, createAuthorized } from './http/access/permission.ts'
import { Verifier } from './http/access/verifier.ts'
import { ClientAddresses } from './http/client-address.ts'
import { PostRate } from './http/limits/post-rate.ts'
import { RoomCount } from './http/limits/room-count.ts'
import { StreamLimit } from './http/limits/stream-limit.ts'
import { createMetrics, type Metrics, type ShareMetrics } from './http/metrics.ts'
import { createAllowedOrigins } from './http/origin.ts'
import { RefusalLog } from './http/refusal-log.ts'
import { type Handler, Router } from './http/router.ts'
import { StoreLog } from './http/store-log.ts'
import { Hub } from './hub/hub.ts'
import { createLocationHandlers } from './location/handlers.ts'
import { locationFormat } from './location/location-format.ts'
import { RoomLists } from './location/room-lists.ts'
import { Rooms } from './location/rooms.ts'
import { Relay } from './relay/relay.ts'
import { maxRunMs } from './relay/run.ts'
import { runFormat } from './relay/run-log.ts'
import { createAdminRoutes, createRoutes } from './routes.ts'
import { Ticks } from './ticks/ticks.ts'

export interface AppOptions {
  /** The folder of the demonstration page. Without it there is no page. */
  pageFolder?: string | undefined
  /** Replaces tokens. */
  authorize?: Authorize | undefined
  /** Whether the metrics include those of Node itself. */
  hasProcessMetrics?: boolean
  /** Makes the metrics those of all workers. */
  shareMetrics?: ShareMetrics | undefined
}

export interface App {
  handler: Handler
  rooms: Rooms
  metrics: Metrics
  /** Serves `/metrics` to everyone who reaches it, for a port of its own. */
  adminHandler: Handler
  /** Why the server can't serve now; null when it can. */
  unavailableReason(): string | null
  /** Refuses what is new, ends every stream over the drain time, and releases all resources. */
  close(): Promise<void>
}

/** How long a run's lease lasts: after this, readers on other instances learn that its instance has died. */
const runLeaseMs = 6_000
/** How long closing may take after the drain time, however slow the store is. */
const afterDrainMs = 1_200
/** How long requests that have begun may take while the server closes. */
const lastAnswersMs = 1_000

export function createApp(config: Config, log: Logger, options: AppOptions = {}): App {
  const { pageFolder, authorize } = options
  const holder = nanoid(8)
  let isClosing = false
  const metrics = createMetrics({
    hasProcessMetrics: options.hasProcessMetrics ?? false,
    share: options.shareMetrics,
    isReady: () => unavailableReason() === null,
    isStoreUp: () => store.unavailableReason() === null,
  })

  const onError = (error: unknown) => log.error({ err: error }, 'internal error')
  const storeLog = new StoreLog(log)
  const store = createStore(config, storeLog, metrics, onError)
  const unavailableReason = () => (isClosing ? 'The server is shutting down.' : store.unavailableReason())

  const broker = store.broker({ ...config, maxKeys: config.roomSize })
  const hub = new Hub(broker, locationFormat, { ...config, holder, onError })
  // The relay bounds a run's log itself, in bytes.
  const runOptions = { historyLength: Number.MAX_SAFE_INTEGER, leaseMs: runLeaseMs, graceMs: config.relayGraceMs }
  const runBroker = store.broker({ ...config, ...runOptions })
  const runHub = new Hub(runBroker, runFormat, { ...config, ...runOptions, holder, onError })
  metrics.watch('rooms', hub)
  metrics.watch('runs', runHub)

  if (config.heartbeatMs >= config.leaseMs) {
    const { heartbeatMs, leaseMs } = config
    log.warn(
      { heartbeatMs, leaseMs },
      'HEARTBEAT_MS is not below LEASE_MS: collaborators with ack=1 leave between two pings',
    )
  }

  const verifier = createVerifier(config.auth, log)
  const addresses = new ClientAddresses(config.trustProxy)
  const streams = new StreamLimit({
    maxStreams: config.maxStreams,
    workers: config.workers,
    openStreams: () => hub.streams + runHub.streams,
    addresses,
  })

  const rooms = new Rooms({
    broker,
    lists: new RoomLists(broker, hub, () => store.unavailableReason() !== null),
    roomSize: config.roomSize,
    posts: new PostRate(config.postRate, config.workers, points => store.limiter('posts', points, 1)),
    entered: new RoomCount(config.workers),
  })
  const location = createLocationHandlers({
    rooms,
    broker,
    hub,
    streams,
    onOpen: room => log.info({ room }, 'stream opened'),
    onClose: (room, cause, durationMs) =>
      log.info({ room, cause, durationMs: Math.round(durationMs) }, 'stream closed'),
  })
  const ticks = new Ticks()
  const knowsUsers = verifier !== null || authorize !== undefined
  const isOpenMode = config.auth.kind === 'open' && !knowsUsers
  const hasDemonstration = !knowsUsers && pageFolder !== undefined
  // A claim outlives its run, which goes on for so long, is then read for so long, and is then kept for so long.
  const claimMs = maxRunMs + config.streamAgeMs + config.historyTtlMs + runLeaseMs
  const relay = new Relay({
    hub: runHub,
    claims: store.broker({ ...config, leaseMs: claimMs, graceMs: 0 }),
    runs: {
      ...runOptions,
      broker: runBroker,
      holder: `${holder}/run`,
      historyTtlMs: config.historyTtlMs,
      maxBytes: config.relayMaxBytes,
      idleMs: config.relayIdleMs,
      onError,
    },
    upstreams: config.relayUpstreams,
    hasDemonstration,
    runsPerMinute: config.relayRate,
    limiter: store.limiter('relay', config.relayRate, 60),
    streams,
    addresses,
    unavailableReason,
    onBegin: upstream => log.info({ upstream }, 'run began'),
    onEnd: (upstream, cause, durationMs) =>
      log.info({ upstream, cause, durationMs: Math.round(durationMs) }, 'run ended'),
  })

  metrics.watchRuns(() => relay.runsByState)

  const health = { unavailableReason, metrics }
  const routes = createRoutes({
    location,
    ticks,
    relay: hasDemonstration || config.relayUpstreams.length > 0 ? relay : undefined,
    hasDemonstration,
    health,
    hasAdminPort: config.adminPort !== undefined,
    page:
      pageFolder === undefined
        ? undefined
        : { folder: pageFolder, auth: isOpenMode ? 'open' : knowsUsers ? 'required' : 'off' },
  })
  const isAllowedOrigin = createAllowedOrigins(config.corsOrigins, isOpenMode)
  const routerOptions = {
    authenticate: authorize
      ? createAuthorized(authorize, isAllowedOrigin)
      : createAuthenticate(verifier, isAllowedOrigin),
    isAllowedOrigin,
    isLoopbackOnly: isOpenMode,
    metrics,
    refusals: new RefusalLog(log, storeLog),
  }
  const router = new Router(routes, routerOptions)
  const adminRouter = new Router(createAdminRoutes(health), { ...routerOptions, isLoopbackOnly: false })

  const finish = async () => {
    await relay.close()
    await Promise.race([router.idle(), setTimeout(lastAnswersMs, undefined, { ref: false })])
    await Promise.all([hub.close(), runHub.close()])
  }

  return {
    handler: router.handler,
    rooms,
    metrics,
    adminHandler: adminRouter.handler,
    unavailableReason,
    async close() {
      isClosing = true
      router.drain()
      ticks.drain()
      const deadline = performance.now() + config.drainMs + afterDrainMs
      await Promise.all([hub.drain(config.drainMs), runHub.drain(config.drainMs)])
      // From here on the steps may wait for the store. What is not done by the deadline is left to the leases, which end.
      const late = setTimeout(Math.max(0, deadline - performance.now()), undefined, { ref: false })
      await Promise.race([finish(), late])
      store.close()
      router.close()
    },
  }
}

function createStore(
  { redis, redisPrefix }: Config,
  log: StoreLog,
  metrics: Metrics,
  onError: (error: unknown) => void,
): Store {
  if (!redis) return new MemoryStore()
  const connections = connect(redis, error => log.connectionFailed(error))
  return new RedisStore(connections, redisPrefix, {
    onRoundTrip: metrics.onRoundTrip,
    onStoreError(code, words) {
      metrics.onStoreError(code)
      if (words !== null) log.refused(words)
    },
    onCheck: reason => log.checked(reason),
    onSkew: skews => log.skewed(skews),
    onError,
  })
}

function createVerifier(auth: Auth, log: Logger): Verifier | null {
  if (auth.kind === 'open' || auth.kind === 'off') return null
  const keys =
    auth.kind === 'secret'
      ? secretKey(auth.secret)
      : publicKeys(auth.url, reason => log.warn({ reason }, 'token keys could not be fetched'))
  return new Verifier(keys, auth.expected)
}
