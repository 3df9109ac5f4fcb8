/**
 * Connections to a single Redis, to Redis behind Sentinel or to Redis Cluster. ioredis is set up so that no command waits
 * in an offline queue, no command is sent twice, and only this broker makes subscriptions.
 */
import { Cluster, Redis, type RedisOptions } from 'ioredis'

/** Where Redis is. Hosts are `host:port`. */
export type RedisPlace =
  | { kind: 'single'; url: string }
  | { kind: 'sentinel'; sentinels: string[]; name: string }
  | { kind: 'cluster'; nodes: string[] }

export interface Connections {
  /** Runs commands, and reconnects automatically. */
  commands: Redis | Cluster
  isCluster: boolean
  /** The nodes that commands are sent to. */
  masters(): Redis[]
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
  // While Redis loads its file it reports an estimate of the remaining time, which is often wrong.
  maxLoadingRetryTime: maxPauseMs,
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

/** `onError` receives every connection error. */
export function connect(place: RedisPlace, onError: (error: Error) => void): Connections {
  const withErrors = <T extends Redis | Cluster>(redis: T): T => redis.on('error', onError) as T

  if (place.kind === 'cluster') {
    const commands = withErrors(
      new Cluster(place.nodes, {
        enableOfflineQueue: false,
        // A command whose connection was lost may have been executed, so it must not be sent again.
        retryDelayOnFailover: 0,
        slotsRefreshInterval: 2_000,
        clusterRetryStrategy: attempt => jitter(Math.min(100 * attempt, 1_000)),
        redisOptions: { ...shared, connectionName: 'colocate' },
      }),
    )
    return {
      commands,
      isCluster: true,
      masters: () => commands.nodes('master'),
      anyAddress() {
        const known = commands.nodes('master').map(({ options }) => `${options.host}:${options.port}`)
        const addresses = known.length > 0 ? known : place.nodes
        return addresses[Math.floor(Math.random() * addresses.length)] ?? ''
      },
      subscriber: address => withErrors(new Redis({ ...hostAndPort(address), ...forSubscribing })),
    }
  }

  const open = (options: Partial<typeof forCommands> | typeof forSubscribing) =>
    withErrors(
      place.kind === 'single'
        ? new Redis(place.url, options)
        : new Redis({ sentinels: place.sentinels.map(hostAndPort), name: place.name, ...options }),
    )
  const commands = open(forCommands)
  return {
    commands,
    isCluster: false,
    masters: () => [commands],
    anyAddress: () => '',
    subscriber: () => open(forSubscribing),
  }
}

function hostAndPort(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }
}

function jitter(ms: number): number {
  return ms * (0.5 + Math.random() / 2)
}
