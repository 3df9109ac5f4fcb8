/**
 * One subscriber connection and the channels that are subscribed over it. It lives as long as its connection does.
 *
 * A subscription can be connected and yet dead. So a message is sent through Redis to one of its channels now and then;
 * one that was taken and does not come back is the sign.
 */
import type { Redis } from 'ioredis'

export interface SubscriberConnectionEvents {
  message(channel: string, payload: Buffer): void
  /** In a cluster, some of its channels have another node now. */
  moved(): void
  closed(): void
}

/** How long a message that Redis took may be on its way back. */
const patienceMs = 4_000

export class SubscriberConnection {
  readonly channels = new Set<string>()
  readonly connected: Promise<void>
  isOpen = true
  readonly #redis: Redis
  readonly #isCluster: boolean
  readonly #events: SubscriberConnectionEvents
  #heardAt = 0
  #unheardSince: number | null = null

  constructor(redis: Redis, isCluster: boolean, events: SubscriberConnectionEvents) {
    this.#redis = redis
    this.#isCluster = isCluster
    this.#events = events
    redis.on(isCluster ? 'smessageBuffer' : 'messageBuffer', (channel: Buffer, payload: Buffer) =>
      events.message(channel.toString(), payload),
    )
    // ioredis says so when Redis ends a subscription unasked.
    redis.on('moved', events.moved)
    redis.on('close', () => this.close())
    // All that is said when there was no connection to lose.
    redis.on('end', () => this.close())
    this.connected = redis.connect()
    // Whoever waits for it hears of a failure; if nobody does, `closed` says it all.
    this.connected.catch(() => {})
  }

  /** Resolves once Redis has confirmed; rejects with what it said, such as `MOVED 123 host:port`. */
  async subscribe(channels: string[]): Promise<void> {
    // Noted first: Redis may confirm them and move them on in one breath.
    for (const channel of channels) this.channels.add(channel)
    try {
      await (this.#isCluster ? this.#redis.ssubscribe(...channels) : this.#redis.subscribe(...channels))
    } catch (error) {
      // Unless Redis itself refused, the connection is as good as lost: all that is noted for it gets another place.
      if ((error as Error).name === 'ReplyError') for (const channel of channels) this.channels.delete(channel)
      throw error
    }
  }

  unsubscribe(channel: string): void {
    this.channels.delete(channel)
    const done = this.#isCluster ? this.#redis.sunsubscribe(channel) : this.#redis.unsubscribe(channel)
    // A lost connection has no subscriptions left to end.
    done.catch(() => {})
  }

  heard(): void {
    this.#heardAt = performance.now()
    this.#unheardSince = null
  }

  get isDeaf(): boolean {
    return this.#unheardSince !== null && performance.now() - this.#unheardSince > patienceMs
  }

  /** `send` puts a message on a channel, and resolves once Redis has taken it. */
  async probe(send: (channel: string) => Promise<unknown>): Promise<void> {
    const [channel] = this.channels
    if (channel === undefined) return
    const sentAt = performance.now()
    await send(channel)
    // It may have come back before Redis said that it took it, or its channel have been let go.
    if (this.#heardAt < sentAt && this.channels.has(channel)) this.#unheardSince ??= sentAt
  }

  /** Its channels are free at once, however long the other side takes to agree. */
  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#redis.disconnect()
    this.#events.closed()
  }
}
