/**
 * This instance's subscriptions: each followed channel has a place on a link, and gets a new one when its link is lost.
 *
 * Redis forgets a message as soon as it was sent, so whoever follows is told after every gap. In a cluster each node has a
 * link of its own; where a channel belongs is what the nodes say (`MOVED`).
 */
import type { Subscriber } from '../broker.ts'
import { announcementOf } from './announcement.ts'
import type { Connections } from './connections.ts'
import { SubscriberConnection } from './subscriber-connection.ts'

interface Channel {
  subscribers: Set<Subscriber>
  /** Undefined while it has no place. */
  link: SubscriberConnection | undefined
  /** Where it was before it was moved: a replica may still have it. */
  former?: SubscriberConnection
}

const retryMs = 200
const maxRedirections = 5
/** How many channels one command subscribes to, without a cluster. */
const chunkLength = 500
/** Begins a payload that is a probe and no announcement. */
const probeMark = '?'

export class Subscriptions {
  readonly #connections: Connections
  readonly #self: string
  readonly #channels = new Map<string, Channel>()
  /** By the address of the node. */
  readonly #links = new Map<string, SubscriberConnection>()
  /** Addresses whose last link was deaf: the next one is not believed until a probe came back over it. */
  readonly #doubted = new Set<string>()
  readonly #retries = new Set<NodeJS.Timeout>()
  #isClosed = false

  /** `self` is a channel of this instance's own, always followed, so that there is always something to probe. */
  constructor(connections: Connections, self: string) {
    this.#connections = connections
    this.#self = self
    this.#channels.set(self, { subscribers: new Set(), link: undefined })
    this.#restore([self])
  }

  /** Why what is published may not come back; null when it does. */
  unavailableReason(): string | null {
    if (!this.#channels.get(this.#self)?.link) return 'Redis Pub/Sub cannot be reached'
    const isDead = ([address, { isDeaf, channels }]: [string, SubscriberConnection]) =>
      isDeaf || (channels.size > 0 && this.#doubted.has(address))
    return [...this.#links].some(isDead) ? 'What is published does not come back' : null
  }

  async subscribe(name: string, subscriber: Subscriber): Promise<() => void> {
    const channel = this.#channels.get(name) ?? { subscribers: new Set(), link: undefined }
    this.#channels.set(name, channel)
    channel.subscribers.add(subscriber)
    const unsubscribe = () => {
      channel.subscribers.delete(subscriber)
      if (channel.subscribers.size > 0 || this.#channels.get(name) !== channel) return
      this.#channels.delete(name)
      channel.link?.unsubscribe(name)
    }
    try {
      if (!channel.link) await this.#place([name])
    } catch (error) {
      unsubscribe()
      throw error
    }
    return unsubscribe
  }

  /** Gives up links that are deaf, and sends a message over each of the others. */
  async probe(send: (channel: string, payload: string) => Promise<unknown>): Promise<void> {
    const links = [...this.#links]
    for (const [address, link] of links) {
      if (!link.isDeaf) continue
      this.#doubted.add(address)
      link.close()
    }
    await Promise.allSettled(links.map(([, link]) => link.probe(channel => send(channel, probeMark + this.#self))))
  }

  close(): void {
    this.#isClosed = true
    for (const retry of this.#retries) clearTimeout(retry)
    for (const link of this.#links.values()) link.close()
  }

  #receive(address: string, link: SubscriberConnection, name: string, payload: Buffer): void {
    if (payload[0] === probeMark.charCodeAt(0)) {
      if (payload.toString() !== probeMark + this.#self) return
      link.heard()
      this.#doubted.delete(address)
      return
    }
    const subscribers = this.#channels.get(name)?.subscribers
    if (!subscribers) return
    const { after, events } = announcementOf(payload)
    for (const subscriber of subscribers) subscriber.announced(after, events)
  }

  /** Finds new places for channels that lost theirs, however long it takes, and tells those who follow. */
  #restore(names: string[]): void {
    const wanted = names.filter(name => this.#channels.has(name))
    if (wanted.length === 0 || this.#isClosed) return
    const chunks = this.#connections.isCluster ? wanted.map(name => [name]) : chunksOf(wanted, chunkLength)
    for (const chunk of chunks) {
      this.#place(chunk).then(
        () => {
          for (const name of chunk)
            for (const subscriber of this.#channels.get(name)?.subscribers ?? []) subscriber.interrupted()
        },
        () => {
          const retry = setTimeout(() => {
            this.#retries.delete(retry)
            this.#restore(chunk)
          }, retryMs)
          this.#retries.add(retry)
        },
      )
    }
  }

  /** Subscribes at whichever node says that it is the right one; all of `names` must belong to the same. */
  async #place(names: string[]): Promise<void> {
    let link = this.#links.values().next().value ?? this.#open(this.#connections.anyAddress())
    for (let i = 0; i <= maxRedirections; i++) {
      try {
        await link.connected
        await link.subscribe(names)
        return this.#settle(names, link)
      } catch (error) {
        const { message } = error as Error
        const address = /^MOVED \d+ (\S+)$/.exec(message)?.[1]
        // A node that has been taken out of its cluster is there still, and refuses all that is asked of it.
        if (message === 'Command timed out' || (!address && link.channels.size === 0)) link.close()
        if (!address) throw error
        link = this.#links.get(address) ?? this.#open(address)
      }
    }
    throw new Error('No node takes the channel')
  }

  #settle(names: string[], link: SubscriberConnection): void {
    if (!link.isOpen) throw new Error('The connection was lost')
    for (const name of names) {
      const channel = this.#channels.get(name)
      if (!channel) {
        link.unsubscribe(name)
        continue
      }
      if (channel.former?.isOpen && channel.former !== link) channel.former.unsubscribe(name)
      channel.link = channel.former = link
    }
  }

  #open(address: string): SubscriberConnection {
    const link: SubscriberConnection = new SubscriberConnection(
      this.#connections.subscriber(address),
      this.#connections.isCluster,
      {
        message: (channel, payload) => this.#receive(address, link, channel, payload),
        moved: () => this.#restore(this.#displace(link)),
        closed: () => {
          if (this.#links.get(address) === link) this.#links.delete(address)
          this.#restore(this.#displace(link))
        },
      },
    )
    this.#links.set(address, link)
    return link
  }

  #displace(link: SubscriberConnection): string[] {
    const names = [...link.channels]
    link.channels.clear()
    for (const name of names) {
      const channel = this.#channels.get(name)
      if (channel) channel.link = undefined
    }
    return names
  }
}

function chunksOf<T>(items: T[], length: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / length) }, (_, i) => items.slice(i * length, (i + 1) * length))
}
