/**
 * One Redis: its connections, its nodes and the subscriptions, shared by every broker on it. Checks once a second whether
 * Redis can serve.
 */
import { nanoid } from 'nanoid'
import type { RateLimiterAbstract } from 'rate-limiter-flexible'
import type { Broker, BrokerOptions } from '../broker.ts'
import type { Store } from '../store.ts'
import { Canary } from './canary.ts'
import type { Connections } from './connections.ts'
import { RedisBroker, type SharedRedis } from './redis-broker.ts'
import { redisLimiter } from './redis-limiter.ts'
import { RedisNodes } from './redis-nodes.ts'
import { codeOf, isReplyError, wordsOf } from './reply-error.ts'
import type { OnRoundTrip } from './scripts.ts'
import { Subscriptions } from './subscriptions.ts'

export interface RedisStoreOptions {
  onRoundTrip?: OnRoundTrip
  /** Receives each error with which a script has failed: a code for a metric and, if Redis refused, its own words. */
  onStoreError?: (code: string, words: string | null) => void
  /** Receives why the store can't serve, or null, at each check and change. */
  onCheck?: (unavailableReason: string | null) => void
  /** Receives the nodes whose clocks differ from this machine's, in words, when they change. */
  onSkew?: (skews: string[]) => void
  /** Receives errors that are bugs. Without it they are thrown. */
  onError?: (error: unknown) => void
}

const checkMs = 1_000
/** The soonest that a node is written to again after it has refused. */
const recheckMs = 50

export class RedisStore implements Store, SharedRedis {
  readonly connections: Connections
  readonly nodes: RedisNodes
  readonly prefix: string
  readonly subscriptions: Subscriptions
  readonly onRoundTrip: OnRoundTrip
  readonly #options: RedisStoreOptions
  readonly #canary: Canary
  #skews = ''
  #nextCheck: NodeJS.Timeout | undefined
  #recheck: NodeJS.Timeout | undefined
  #isClosed = false

  /** The store takes over the connections: `close` closes them. Every key and channel begins with `prefix`. */
  constructor(connections: Connections, prefix: string, options: RedisStoreOptions = {}) {
    this.connections = connections
    this.nodes = new RedisNodes(connections, prefix, {
      onPrepared: () => this.#writeCanary(),
      onError: error => this.#report(error),
    })
    this.prefix = prefix
    this.#options = options
    this.onRoundTrip = options.onRoundTrip ?? (() => {})
    const holder = nanoid(8)
    this.#canary = new Canary(this, holder, {
      onAnswer: () => this.#observe(),
      onError: error => this.#report(error),
    })
    this.subscriptions = new Subscriptions(connections, `${prefix}:probe:${holder}`, options.onError ?? rethrow)
    connections.commands.on('ready', () => this.#check())
    connections.commands.on('close', () => this.#lost())
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
    const reason = this.nodes.unavailableReason() ?? this.subscriptions.unavailableReason()
    return reason && this.nodes.withSkews(reason)
  }

  /** A node that has refused is written to soon: it may refuse everything, or only what this script wanted. */
  onScriptError(error: unknown): void {
    this.#report(error)
    if (isReplyError(error) && !this.#isClosed) this.#recheck ??= setTimeout(() => this.#writeCanary(), recheckMs)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#nextCheck)
    clearTimeout(this.#recheck)
    this.subscriptions.close()
    this.connections.commands.disconnect()
  }

  /** Checks now, and again every second. A check that gets no answer changes nothing, and the clocks then expire. */
  #check(): void {
    if (this.#isClosed) return
    clearTimeout(this.#nextCheck)
    this.#nextCheck = setTimeout(() => this.#check(), checkMs)
    const { commands, isCluster } = this.connections
    this.#observe()
    this.#reportSkews()
    this.nodes.check()
    this.#writeCanary()
    void this.subscriptions.probe((channel, payload) =>
      isCluster ? commands.spublish(channel, payload) : commands.publish(channel, payload),
    )
  }

  #report(error: unknown): void {
    this.#options.onStoreError?.(codeOf(error), isReplyError(error) ? wordsOf(error) : null)
  }

  /** A lost connection is an error although no request may have been under way. */
  #lost(): void {
    if (!this.#isClosed) this.#options.onStoreError?.('closed', null)
    this.#observe()
  }

  #observe(): void {
    if (!this.#isClosed) this.#options.onCheck?.(this.unavailableReason())
  }

  #writeCanary(): void {
    clearTimeout(this.#recheck)
    this.#recheck = undefined
    if (!this.#isClosed) this.#canary.write(this.nodes.masters())
  }

  #reportSkews(): void {
    const skews = this.nodes.skews()
    const nodes = skews.map(({ address }) => address).join()
    if (nodes === this.#skews) return
    this.#skews = nodes
    this.#options.onSkew?.(skews.map(({ text }) => text))
  }
}

function rethrow(error: unknown): never {
  throw error
}
