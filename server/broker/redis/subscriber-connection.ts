/**
 * One subscriber connection and the channels that are subscribed over it. It is not used again after its connection is
 * lost.
 *
 * A connection can be open although its subscriptions are dead. So a probe, a message to one of its channels, is sent
 * through Redis regularly. The connection is dead if Redis accepted the probe and it does not arrive.
 */
import type { Redis } from 'ioredis'

export interface SubscriberConnectionEvents {
  message(channel: string, payload: Buffer): void
  /** In a cluster, Redis has ended these subscriptions: their slot belongs to another node. */
  moved(channels: string[]): void
  closed(): void
}

/** How long a probe may take to arrive after Redis accepted it. */
const maxProbeMs = 4_000

export class SubscriberConnection {
  readonly channels = new Set<string>()
  readonly connected: Promise<void>
  isOpen = true
  readonly #redis: Redis
  readonly #isCluster: boolean
  readonly #events: SubscriberConnectionEvents
  /** Channels whose subscription Redis has not answered. */
  readonly #pending = new Set<string>()
  #looking: NodeJS.Immediate | undefined
  #receivedAt = 0
  /** When the oldest probe was sent that has not arrived. */
  #missingSince: number | null = null

  constructor(redis: Redis, isCluster: boolean, events: SubscriberConnectionEvents) {
    this.#redis = redis
    this.#isCluster = isCluster
    this.#events = events
    redis.on(isCluster ? 'smessageBuffer' : 'messageBuffer', (channel: Buffer, payload: Buffer) =>
      events.message(channel.toString(), payload),
    )
    // ioredis emits this when Redis ends a subscription by itself, but also when Redis refuses one with MOVED.
    redis.on('moved', () => {
      this.#looking ??= setImmediate(() => this.#lookForMoved())
    })
    redis.on('close', () => this.close())
    // Without a connection to lose, ioredis emits only this.
    redis.on('end', () => this.close())
    this.connected = redis.connect()
    // A failure to connect also emits `end`. Without this line it would be an unhandled rejection, too.
    this.connected.catch(() => {})
  }

  /** Resolves once Redis has confirmed. Rejects with the error of Redis, such as `MOVED 123 host:port`, or of ioredis. */
  async subscribe(channels: string[]): Promise<void> {
    // Noted before the command, because Redis may confirm the channels and move them at the same time.
    for (const channel of channels) {
      this.channels.add(channel)
      this.#pending.add(channel)
    }
    try {
      await (this.#isCluster ? this.#redis.ssubscribe(...channels) : this.#redis.subscribe(...channels))
    } catch (error) {
      // If Redis refused, the channels are not subscribed. Otherwise the connection is failing, and all of its channels
      // are subscribed elsewhere once it closes.
      if ((error as Error).name === 'ReplyError') for (const channel of channels) this.channels.delete(channel)
      throw error
    } finally {
      for (const channel of channels) this.#pending.delete(channel)
    }
  }

  /** Compares the channels with those that Redis has confirmed and not ended. */
  #lookForMoved(): void {
    this.#looking = undefined
    const subscriptions = this.#redis.condition?.subscriber
    const subscribed = new Set(subscriptions ? subscriptions.channels('ssubscribe') : [])
    const moved = [...this.channels].filter(channel => !subscribed.has(channel) && !this.#pending.has(channel))
    for (const channel of moved) this.channels.delete(channel)
    if (moved.length > 0) this.#events.moved(moved)
  }

  unsubscribe(channel: string): void {
    this.channels.delete(channel)
    const done = this.#isCluster ? this.#redis.sunsubscribe(channel) : this.#redis.unsubscribe(channel)
    // This fails only if the connection is lost, and then the subscription has ended with it.
    done.catch(() => {})
  }

  /** A probe has arrived. */
  probeReceived(): void {
    this.#receivedAt = performance.now()
    this.#missingSince = null
  }

  get isDead(): boolean {
    return this.#missingSince !== null && performance.now() - this.#missingSince > maxProbeMs
  }

  /** Probes the connection. `send` publishes a message on a channel, and resolves once Redis has accepted it. */
  async probe(send: (channel: string) => Promise<unknown>): Promise<void> {
    const [channel] = this.channels
    if (channel === undefined) return
    const sentAt = performance.now()
    try {
      await send(channel)
    } catch {
      // Redis did not accept the message, or ioredis could not send it: the probe says nothing about this connection.
      return
    }
    // The probe may have arrived before the reply, or the channel may have been unsubscribed.
    if (this.#receivedAt < sentAt && this.channels.has(channel)) this.#missingSince ??= sentAt
  }

  /** Reports the end at once, without waiting for the other side to close the connection. */
  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    clearImmediate(this.#looking)
    this.#redis.disconnect()
    this.#events.closed()
  }
}
