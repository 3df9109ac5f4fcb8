/**
 * The broker over Redis: one script for each step, and a Pub/Sub channel for each topic.
 */
import { nanoid } from 'nanoid'
import {
  type Broker,
  type BrokerOptions,
  type Entry,
  type EventId,
  type Follower,
  type History,
  type Hold,
  type Kept,
  type Latest,
  type Receipt,
  Unavailable,
} from '../broker.ts'
import { eventsOf, type StreamEntry } from './announcement.ts'
import { Clock } from './clock.ts'
import type { Connections } from './connect.ts'
import { gathered } from './gather.ts'
import { type OnRoundTrip, Scripts } from './scripts.ts'
import { Subscriptions } from './subscriptions.ts'

const letters = { held: 'h', acked: 'a', released: 'r' } as const

const pulseMs = 1_000

export class RedisBroker implements Broker {
  readonly #connections: Connections
  readonly #clock = new Clock()
  readonly #scripts: Scripts
  readonly #subscriptions: Subscriptions
  /** Without a master for some of its slots, a cluster takes no command at all, though it answers and publishes. */
  #isDown = false
  #pulse: NodeJS.Timeout | undefined
  #isClosed = false

  /** The connections are the broker's from here on; `close` ends them. */
  constructor(connections: Connections, prefix: string, options: BrokerOptions, onRoundTrip: OnRoundTrip = () => {}) {
    this.#connections = connections
    this.#scripts = new Scripts(connections, this.#clock, prefix, options, onRoundTrip)
    this.#subscriptions = new Subscriptions(connections, `${prefix}:probe:${nanoid(8)}`)
    connections.commands.on('ready', () => this.#beat())
    this.#beat()
  }

  readonly publish = gathered(parts => {
    const calls = parts.map(({ topic, drafts }) => ({
      topic,
      args: drafts.flatMap(({ key, seq, value }) => [key, seq ?? '', value]),
    }))
    return this.#scripts.runAll('publish', calls).map(async reply => receiptsOf((await reply) as (string | number)[]))
  })

  async append(topic: string, key: string, seq: number, values: string[]): Promise<boolean> {
    return (await this.#scripts.run('append', topic, key, seq, ...values)) === 1
  }

  async remove(topic: string, key: string, reason: string): Promise<void> {
    await this.#scripts.run('remove', topic, key, reason)
  }

  async latest(topic: string): Promise<Latest> {
    const [head = '', ...flat] = (await this.#scripts.run('latest', topic)) as string[]
    const entries: Entry[] = []
    for (let i = 0; i < flat.length; i += 2) entries.push(entryOf(flat[i] ?? '', flat[i + 1] ?? ''))
    return { head, entries }
  }

  async history(topic: string, id: EventId): Promise<History> {
    const [recovered, entries] = (await this.#scripts.run('history', topic, id)) as [number, StreamEntry[]]
    return { recovered: recovered === 1, events: eventsOf(entries) }
  }

  async keep(topic: string, holder: string, holds: Hold[], isOpen: boolean): Promise<Kept> {
    const args = holds.flatMap(({ key, as }) => [key, letters[as]])
    const reply = await this.#scripts.run('keep', topic, holder, isOpen ? 1 : 0, ...args)
    const [head, nextEndMs] = reply as [string, number]
    return { head, nextEndMs: nextEndMs < 0 ? null : nextEndMs }
  }

  async alive(topic: string, key: string): Promise<void> {
    await this.#scripts.run('alive', topic, key)
  }

  async follow(topic: string, follower: Follower): Promise<() => void> {
    return this.#subscriptions.follow(this.#scripts.channel(topic), follower).catch(error => {
      throw new Unavailable('Redis Pub/Sub does not answer.', { cause: error })
    })
  }

  trouble(): string | null {
    if (this.#connections.commands.status !== 'ready' || !this.#clock.isKnown) return 'Redis does not answer'
    if (this.#isDown) return 'The Redis cluster is down'
    return this.#subscriptions.trouble()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#pulse)
    this.#subscriptions.close()
    this.#connections.commands.disconnect()
  }

  /** Looks after the connections now, and then again and again. */
  #beat(): void {
    if (this.#isClosed) return
    clearTimeout(this.#pulse)
    this.#pulse = setTimeout(() => this.#beat(), pulseMs)
    const { commands, isCluster } = this.#connections
    // What cannot be asked now is asked at the next beat, and shows in `trouble`.
    this.#clock.read(this.#connections.masters()).catch(() => {})
    if (isCluster) void this.#lookAtCluster()
    this.#subscriptions
      .probe((channel, payload) =>
        isCluster ? commands.spublish(channel, payload) : commands.publish(channel, payload),
      )
      .catch(() => {})
  }

  async #lookAtCluster(): Promise<void> {
    const said = await Promise.allSettled(this.#connections.masters().map(node => node.cluster('INFO')))
    const infos = said.flatMap(result => (result.status === 'fulfilled' ? [String(result.value)] : []))
    this.#isDown = infos.length > 0 && infos.every(info => info.includes('cluster_state:fail'))
  }
}

/** A receipt is an id, and 1 if it was stale. */
function receiptsOf(reply: (string | number)[]): Receipt[] {
  return Array.from({ length: reply.length / 2 }, (_, i) => ({
    id: String(reply[2 * i]),
    stale: reply[2 * i + 1] === 1,
  }))
}

/** A stored value is `id TAB seq TAB value`. */
function entryOf(key: string, stored: string): Entry {
  const [id = '', seq = ''] = stored.split('\t', 2)
  return { id, key, value: stored.slice(id.length + seq.length + 2) }
}
