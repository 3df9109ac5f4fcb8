/**
 * Connections to Redis, single, behind Sentinel or a Cluster, with the habits this broker needs: no command waits in a
 * queue for a better day, none is sent twice, and subscriptions are never made behind its back.
 */
import { Cluster, Redis, type RedisOptions } from 'ioredis'

/** Where Redis is. Hosts are `host:port`. */
export type RedisPlace =
  | { kind: 'single'; url: string }
  | { kind: 'sentinel'; sentinels: string[]; name: string }
  | { kind: 'cluster'; nodes: string[] }

export interface Connections {
  /** Runs commands, and reconnects by itself. */
  commands: Redis | Cluster
  isCluster: boolean
  /** Every node that commands may go to. */
  masters(): Redis[]
  /** The address of some node; without a cluster there is only one, which needs none. */
  anyAddress(): string
  /** A connection for subscribing to a node. It connects when told to, once. */
  subscriber(address: string): Redis
}

/** Less than the two seconds in which a request is to be answered. */
export const commandTimeoutMs = 1_800
/** The longest pause between two attempts to have Redis back. */
const maxPauseMs = 300

const shared = {
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  commandTimeout: commandTimeoutMs,
  connectTimeout: commandTimeoutMs,
  // Whoever is given up may never agree to the end of the connection.
  disconnectTimeout: 0,
  enableOfflineQueue: false,
  // A Redis that loads its file guesses how long that takes, and is often wrong.
  maxLoadingRetryTime: maxPauseMs,
  maxRetriesPerRequest: 0,
  // Three that hang are asked one after another.
  sentinelCommandTimeout: commandTimeoutMs / 3,
} satisfies RedisOptions

const forCommands = {
  ...shared,
  connectionName: 'colocate',
  // Subscriptions are tried again as often: without commands they are no use, since what they missed cannot be read.
  retryStrategy: (attempt: number) => jitter(Math.min(50 * 2 ** attempt, maxPauseMs)),
  // A master that was demoted; its successor is found by connecting anew.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
}

const forSubscribing = {
  ...shared,
  connectionName: 'colocate-subscriber',
  lazyConnect: true,
  retryStrategy: () => null,
  sentinelRetryStrategy: () => null,
}

/** `onError` hears of every failed connection. */
export function connect(place: RedisPlace, onError: (error: Error) => void): Connections {
  const heard = <T extends Redis | Cluster>(redis: T): T => redis.on('error', onError) as T

  if (place.kind === 'cluster') {
    const commands = heard(
      new Cluster(place.nodes, {
        enableOfflineQueue: false,
        // What a lost connection did not answer may have been done.
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
      subscriber: address => heard(new Redis({ ...hostAndPort(address), ...forSubscribing })),
    }
  }

  const open = (options: Partial<typeof forCommands> | typeof forSubscribing) =>
    heard(
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
