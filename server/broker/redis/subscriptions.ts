/**
 * This instance's subscriptions. Each channel is subscribed over one connection, and over another one when that is lost.
 *
 * Redis does not store messages, so subscribers are told after every gap (`interrupted`). In a cluster each node has a
 * connection of its own, and the nodes say which of them a channel belongs to (`MOVED`).
 */
import { type Subscriber, Unavailable, unlessUnavailable } from '../broker.ts'
import { announcementOf } from './announcement.ts'
import type { Connections } from './connections.ts'
import { SubscriberConnection } from './subscriber-connection.ts'

interface Channel {
  subscribers: Set<Subscriber>
  /** Undefined while the channel is not subscribed. */
  connection: SubscriberConnection | undefined
  /** The connection before a move. That node may have become a replica, which still delivers the channel. */
  former?: SubscriberConnection
}

const retryMs = 200
const maxRedirections = 5
/** How many channels one command subscribes to, without a cluster. */
const chunkLength = 500
/** The first character of a probe. An announcement begins with an id. */
const probeMark = '?'

export class Subscriptions {
  readonly #connections: Connections
  readonly #ownChannel: string
  readonly #onError: (error: unknown) => void
  readonly #channels = new Map<string, Channel>()
  readonly #byAddress = new Map<string, SubscriberConnection>()
  /** Addresses whose last connection was dead. The next one counts as dead, too, until a probe has arrived over it. */
  readonly #doubted = new Set<string>()
  readonly #retries = new Set<NodeJS.Timeout>()
  #isClosed = false

  /** `ownChannel` is used by this instance alone and always subscribed, so that there is always a channel to probe. */
  constructor(connections: Connections, ownChannel: string, onError: (error: unknown) => void) {
    this.#connections = connections
    this.#ownChannel = ownChannel
    this.#onError = onError
    this.#channels.set(ownChannel, { subscribers: new Set(), connection: undefined })
    this.#restore([ownChannel])
  }

  /** Why announcements may not arrive; null if they do. */
  unavailableReason(): string | null {
    if (!this.#channels.get(this.#ownChannel)?.connection) return 'Redis Pub/Sub does not answer'
    const isDead = ([address, { isDead, channels }]: [string, SubscriberConnection]) =>
      isDead || (channels.size > 0 && this.#doubted.has(address))
    return [...this.#byAddress].some(isDead) ? 'Redis Pub/Sub does not deliver messages' : null
  }

  /** Rejects with `Unavailable`. */
  async subscribe(name: string, subscriber: Subscriber): Promise<() => void> {
    const channel = this.#channels.get(name) ?? { subscribers: new Set(), connection: undefined }
    this.#channels.set(name, channel)
    channel.subscribers.add(subscriber)
    const unsubscribe = () => {
      channel.subscribers.delete(subscriber)
      if (channel.subscribers.size > 0 || this.#channels.get(name) !== channel) return
      this.#channels.delete(name)
      channel.connection?.unsubscribe(name)
    }
    try {
      if (!channel.connection) await this.#place([name])
    } catch (error) {
      unsubscribe()
      throw error
    }
    return unsubscribe
  }

  /** Closes dead connections and probes the others. */
  async probe(send: (channel: string, payload: string) => Promise<unknown>): Promise<void> {
    const connections = [...this.#byAddress]
    for (const [address, connection] of connections) {
      if (!connection.isDead) continue
      this.#doubted.add(address)
      connection.close()
    }
    const probe = probeMark + this.#ownChannel
    await Promise.all(connections.map(([, connection]) => connection.probe(channel => send(channel, probe))))
  }

  close(): void {
    this.#isClosed = true
    for (const retry of this.#retries) clearTimeout(retry)
    for (const connection of this.#byAddress.values()) connection.close()
  }

  #receive(address: string, connection: SubscriberConnection, name: string, payload: Buffer): void {
    if (payload[0] === probeMark.charCodeAt(0)) {
      if (payload.toString() !== probeMark + this.#ownChannel) return
      connection.probeReceived()
      this.#doubted.delete(address)
      return
    }
    const subscribers = this.#channels.get(name)?.subscribers
    if (!subscribers) return
    const { after, events } = announcementOf(payload)
    for (const subscriber of subscribers) subscriber.announced(after, events)
  }

  /** Subscribes channels again that lost their connection, and tells their subscribers about the gap. */
  #restore(names: string[]): void {
    const wanted = names.filter(name => this.#channels.has(name))
    if (wanted.length === 0 || this.#isClosed) return
    const chunks = this.#connections.isCluster ? wanted.map(name => [name]) : chunksOf(wanted, chunkLength)
    for (const chunk of chunks) void this.#restoreChunk(chunk)
  }

  async #restoreChunk(names: string[]): Promise<void> {
    try {
      await this.#place(names)
    } catch (error) {
      // Retried whatever the error is: without a subscription the topics would be silent for ever.
      this.#restoreLater(names)
      return unlessUnavailable(this.#onError)(error)
    }
    for (const name of names)
      for (const subscriber of this.#channels.get(name)?.subscribers ?? []) subscriber.interrupted()
  }

  #restoreLater(names: string[]): void {
    const retry = setTimeout(() => {
      this.#retries.delete(retry)
      this.#restore(names)
    }, retryMs)
    this.#retries.add(retry)
  }

  /** Subscribes channels at the node that they belong to. In a cluster, all of them must belong to the same node. */
  async #place(names: string[]): Promise<void> {
    let connection = this.#byAddress.values().next().value ?? this.#open(this.#connections.anyAddress())
    for (let i = 0; i <= maxRedirections; i++) {
      try {
        await connection.connected
        await connection.subscribe(names)
      } catch (error) {
        // Redis refuses with a ReplyError. For a lost connection or a timeout ioredis has untyped errors.
        const { message } = error as Error
        const address = /^MOVED \d+ (\S+)$/.exec(message)?.[1]
        // A node that was removed from its cluster still answers, and refuses every channel.
        if (message === 'Command timed out' || (!address && connection.channels.size === 0)) connection.close()
        if (!address) throw new Unavailable('Redis Pub/Sub does not answer.', { cause: error })
        connection = this.#byAddress.get(address) ?? this.#open(address)
        continue
      }
      return this.#assign(names, connection)
    }
    throw new Unavailable('No node of the Redis cluster accepts the channel.')
  }

  #assign(names: string[], connection: SubscriberConnection): void {
    if (!connection.isOpen) throw new Unavailable('The connection to Redis Pub/Sub was lost.')
    for (const name of names) {
      const channel = this.#channels.get(name)
      if (!channel) {
        connection.unsubscribe(name)
        continue
      }
      if (channel.former?.isOpen && channel.former !== connection) channel.former.unsubscribe(name)
      channel.connection = channel.former = connection
    }
  }

  #open(address: string): SubscriberConnection {
    const connection: SubscriberConnection = new SubscriberConnection(
      this.#connections.subscriber(address),
      this.#connections.isCluster,
      {
        message: (channel, payload) => this.#receive(address, connection, channel, payload),
        moved: names => this.#replace(names),
        closed: () => {
          if (this.#byAddress.get(address) === connection) this.#byAddress.delete(address)
          const names = [...connection.channels]
          connection.channels.clear()
          this.#replace(names)
        },
      },
    )
    this.#byAddress.set(address, connection)
    return connection
  }

  /** Channels have lost their connection. */
  #replace(names: string[]): void {
    for (const name of names) {
      const channel = this.#channels.get(name)
      if (channel) channel.connection = undefined
    }
    this.#restore(names)
  }
}

function chunksOf<T>(items: T[], length: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / length) }, (_, i) => items.slice(i * length, (i + 1) * length))
}
