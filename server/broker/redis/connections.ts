/**
 * Connections to a single Redis, to Redis behind Sentinel or to Redis Cluster. ioredis is set up so that no command waits
 * in an offline queue, no command is sent twice, and only this broker makes subscriptions.
 */
import { Cluster, Command, Redis, type RedisOptions } from 'ioredis'

/** How the nodes are accessed. What a URL says wins over it. */
interface Access {
  username?: string | undefined
  password?: string | undefined
  tls?: boolean | undefined
}

interface SentinelAccess {
  sentinelUsername?: string | undefined
  sentinelPassword?: string | undefined
  sentinelTls?: boolean | undefined
}

type SinglePlace = Access & { kind: 'single'; url: string }
type SentinelPlace = Access & SentinelAccess & { kind: 'sentinel'; sentinels: string[]; name: string }
type ClusterPlace = Access & { kind: 'cluster'; nodes: string[] }

/** Where Redis is. Hosts are `host:port`; the host of an IPv6 address is in brackets. */
export type RedisPlace = SinglePlace | SentinelPlace | ClusterPlace

export interface Connections {
  /** Runs commands, and reconnects automatically. */
  commands: Redis | Cluster
  isCluster: boolean
  /** The number of the database. A cluster has only database 0. */
  database: number
  /** The last error since the connection for commands was ready. */
  readonly lastError: Error | null
  /** The nodes that commands are sent to. */
  masters(): Redis[]
  /** The node that a key's slot belongs to, as far as this instance knows. */
  nodeOf(key: string): Redis | undefined
  /** The node at the address that another node has named. Without a cluster there is only one node. */
  nodeAt(address: string): Redis
  /** A slot belongs to the node at an address from now on. */
  moved(slot: number, address: string): void
  /** The address of any node. Without a cluster there is only one node, and the address is empty. */
  anyAddress(): string
  /** A connection for subscribing at a node. It connects when `connect` is called and does not reconnect. */
  subscriber(address: string): Redis
}

/** Less than the two seconds within which a request must be answered. */
export const commandTimeoutMs = 1_800
/** The longest pause between two attempts to connect. */
const maxPauseMs = 300

const shared = {
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  commandTimeout: commandTimeoutMs,
  connectTimeout: commandTimeoutMs,
  // A Redis that hangs never closes its side of the connection.
  disconnectTimeout: 0,
  enableOfflineQueue: false,
  // The check needs INFO, which may not be permitted. `RedisNode` checks by itself whether Redis is loading its file.
  enableReadyCheck: false,
  // It needs CLIENT, which may not be permitted.
  disableClientInfo: true,
  maxRetriesPerRequest: 0,
  // Sentinels are asked one after another, and three of them may hang.
  sentinelCommandTimeout: commandTimeoutMs / 3,
} satisfies RedisOptions

const forCommands = {
  ...shared,
  connectionName: 'colocate',
  // At least as often as subscriptions are retried: without commands, what a subscription missed cannot be read.
  retryStrategy: (attempt: number) => jitter(Math.min(50 * 2 ** attempt, maxPauseMs)),
  // The master was demoted. A new connection finds its successor.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
}

const forSubscribing = {
  ...shared,
  connectionName: 'colocate-subscriber',
  lazyConnect: true,
  retryStrategy: () => null,
  sentinelRetryStrategy: () => null,
}

/** The pool of ioredis's cluster. It is private, but a slot may move to a node that no public method connects to. */
interface WithPool {
  connectionPool: { findOrCreate(node: { host: string; port: number }): Redis }
}

/** `onError` receives every connection error. */
export function connect(place: RedisPlace, onError: (error: Error) => void): Connections {
  return place.kind === 'cluster' ? connectCluster(place, onError) : connectOne(place, onError)
}

function connectCluster(place: ClusterPlace, onError: (error: Error) => void): Connections {
  const access = accessOf(place)
  // ioredis reads this list whenever it connects. It also contains the nodes that the cluster had last, in case every node
  // of the configuration has left.
  const seeds = place.nodes.map(hostAndPort)
  const commands = new Cluster(seeds, {
    enableOfflineQueue: false,
    // A command whose connection was lost may have been executed, so it must not be sent again.
    retryDelayOnFailover: 0,
    slotsRefreshInterval: 2_000,
    clusterRetryStrategy: attempt => jitter(Math.min(100 * attempt, 1_000)),
    redisOptions: { ...shared, ...access, connectionName: 'colocate' },
  })
  commands.on('refresh', () => {
    const found = commands.nodes().map(({ options: { host = '', port = 0 } }) => ({ host, port }))
    if (found.length > 0) seeds.splice(place.nodes.length, seeds.length, ...found)
  })
  const errors = watchErrors(commands, onError)
  const pool = () => (commands as unknown as WithPool).connectionPool
  const nodeAt = (address: string) => pool().findOrCreate(hostAndPort(address))
  return {
    commands,
    isCluster: true,
    database: 0,
    get lastError() {
      return errors.last
    },
    masters: () => commands.nodes('master'),
    nodeOf(key) {
      const address = commands.slots[new Command('exists', [key]).getSlot() ?? 0]?.[0]
      // A node without the slot answers with the address of the node that has it.
      return address && commands.status === 'ready' ? nodeAt(address) : commands.nodes('master')[0]
    },
    nodeAt,
    moved(slot, address) {
      commands.slots[slot] = [address]
      commands.refreshSlotsCache()
    },
    anyAddress() {
      const known = commands.nodes('master').map(({ options }) => `${options.host}:${options.port}`)
      const all = known.length > 0 ? known : place.nodes
      return all[Math.floor(Math.random() * all.length)] ?? ''
    },
    subscriber: address =>
      new Redis({ ...hostAndPort(address), ...forSubscribing, ...access }).on('error', onError) as Redis,
  }
}

function connectOne(place: SinglePlace | SentinelPlace, onError: (error: Error) => void): Connections {
  const access = accessOf(place)
  const open = (options: Partial<typeof forCommands> | typeof forSubscribing) =>
    place.kind === 'single'
      ? new Redis(place.url, { ...options, ...access })
      : new Redis({ ...sentinelOptions(place), ...options, ...access })
  const commands = open(forCommands)
  const errors = watchErrors(commands, onError)
  return {
    commands,
    isCluster: false,
    database: commands.options.db ?? 0,
    get lastError() {
      return errors.last
    },
    masters: () => [commands],
    nodeOf: () => commands,
    nodeAt: () => commands,
    moved() {},
    anyAddress: () => '',
    subscriber: () => open(forSubscribing).on('error', onError) as Redis,
  }
}

/** The last error since `redis` was ready. The error of a cluster that can't be reached has the error of a node inside. */
function watchErrors(redis: Redis | Cluster, onError: (error: Error) => void): { last: Error | null } {
  const errors: { last: Error | null } = { last: null }
  const emitter: NodeJS.EventEmitter = redis
  emitter.on('error', (error: Error & { lastNodeError?: Error }) => {
    errors.last = error.lastNodeError ?? error
    onError(errors.last)
  })
  emitter.on('ready', () => {
    errors.last = null
  })
  return errors
}

function accessOf({ username, password, tls }: Access) {
  return { ...(username && { username }), ...(password && { password }), ...(tls && { tls: {} }) }
}

function sentinelOptions({ sentinels, name, tls, ...access }: SentinelPlace) {
  const { sentinelUsername, sentinelPassword, sentinelTls } = access
  return {
    sentinels: sentinels.map(hostAndPort),
    name,
    ...(sentinelUsername && { sentinelUsername }),
    ...(sentinelPassword && { sentinelPassword }),
    ...(sentinelTls && { sentinelTLS: {} }),
    ...(tls && { enableTLSForSentinelMode: true }),
  }
}

/** Redis writes an IPv6 address without brackets. */
function hostAndPort(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) }
}

function jitter(ms: number): number {
  return ms * (0.5 + Math.random() / 2)
}
