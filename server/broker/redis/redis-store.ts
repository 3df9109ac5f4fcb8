/**
 * One Redis: its connections, its clock and the subscriptions, shared by every broker on it. Checks once a second whether
 * Redis can serve.
 */
import { nanoid } from 'nanoid'
import type { RateLimiterAbstract } from 'rate-limiter-flexible'
import type { Broker, BrokerOptions } from '../broker.ts'
import type { Store } from '../store.ts'
import { Clock } from './clock.ts'
import type { Connections } from './connections.ts'
import { RedisBroker, type SharedRedis } from './redis-broker.ts'
import { redisLimiter } from './redis-limiter.ts'
import type { OnRoundTrip } from './scripts.ts'
import { Subscriptions } from './subscriptions.ts'

export interface RedisStoreOptions {
  onRoundTrip?: OnRoundTrip
  /** Receives errors that are bugs. Without it they are thrown. */
  onError?: (error: unknown) => void
}

const checkMs = 1_000

export class RedisStore implements Store, SharedRedis {
  readonly connections: Connections
  readonly prefix: string
  readonly clock = new Clock()
  readonly subscriptions: Subscriptions
  readonly onRoundTrip: OnRoundTrip
  /** A cluster without a master for some of its slots refuses every command, although it answers and publishes. */
  #isClusterDown = false
  #nextCheck: NodeJS.Timeout | undefined
  #isClosed = false

  /** The store takes over the connections: `close` closes them. Every key and channel begins with `prefix`. */
  constructor(
    connections: Connections,
    prefix: string,
    { onRoundTrip = () => {}, onError = rethrow }: RedisStoreOptions = {},
  ) {
    this.connections = connections
    this.prefix = prefix
    this.onRoundTrip = onRoundTrip
    this.subscriptions = new Subscriptions(connections, `${prefix}:probe:${nanoid(8)}`, onError)
    connections.commands.on('ready', () => this.#check())
    this.#check()
  }

  broker(options: BrokerOptions): Broker {
    return new RedisBroker(this, options)
  }

  limiter(name: string, points: number, seconds: number): RateLimiterAbstract {
    return redisLimiter(this.connections, `${this.prefix}:limit:${name}`, points, seconds)
  }

  /** Answers from the last checks, without asking Redis. */
  unavailableReason(): string | null {
    if (this.connections.commands.status !== 'ready' || !this.clock.isKnown) return 'Redis does not answer'
    if (this.#isClusterDown) return 'The Redis cluster is down'
    return this.subscriptions.unavailableReason()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#nextCheck)
    this.subscriptions.close()
    this.connections.commands.disconnect()
  }

  /** Checks now, and again every second. A check that gets no answer changes nothing, and the clock then expires. */
  #check(): void {
    if (this.#isClosed) return
    clearTimeout(this.#nextCheck)
    this.#nextCheck = setTimeout(() => this.#check(), checkMs)
    const { commands, isCluster } = this.connections
    void this.clock.read(this.connections.masters())
    if (isCluster) void this.#checkCluster()
    void this.subscriptions.probe((channel, payload) =>
      isCluster ? commands.spublish(channel, payload) : commands.publish(channel, payload),
    )
  }

  async #checkCluster(): Promise<void> {
    // A node that does not answer is expected here. The other nodes know whether the cluster is down.
    const replies = await Promise.allSettled(this.connections.masters().map(node => node.cluster('INFO')))
    const infos = replies.flatMap(result => (result.status === 'fulfilled' ? [String(result.value)] : []))
    this.#isClusterDown = infos.length > 0 && infos.every(info => info.includes('cluster_state:fail'))
  }
}

function rethrow(error: unknown): never {
  throw error
}
