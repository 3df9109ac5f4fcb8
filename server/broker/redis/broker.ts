/**
 * The broker over Redis: one script for each step, and a Pub/Sub channel for each topic.
 */
import type { Redis } from 'ioredis'
import type {
  Broker,
  BrokerOptions,
  Draft,
  Entry,
  EventId,
  Follower,
  History,
  Hold,
  Kept,
  Latest,
  Receipt,
} from '../broker.ts'
import { eventOfEntry, type StreamEntry } from './announcement.ts'
import { Scripts, unavailable } from './scripts.ts'
import { Subscriptions } from './subscriptions.ts'

const letters = { held: 'h', acked: 'a', released: 'r' } as const

export class RedisBroker implements Broker {
  readonly #commands: Redis
  readonly #subscriber: Redis
  readonly #scripts: Scripts
  readonly #subscriptions: Subscriptions

  /** Both connections are the broker's from here on; `close` ends them. */
  constructor(connections: { commands: Redis; subscriber: Redis }, prefix: string, options: BrokerOptions) {
    this.#commands = connections.commands
    this.#subscriber = connections.subscriber
    this.#scripts = new Scripts(this.#commands, prefix, options)
    this.#subscriptions = new Subscriptions(this.#subscriber)
  }

  async publish(topic: string, drafts: Draft[]): Promise<Receipt[]> {
    const args = drafts.flatMap(({ key, seq, value }) => [key, seq ?? '', value])
    const reply = (await this.#scripts.run('publish', topic, args)) as (string | number)[]
    return drafts.map((_, i) => ({ id: String(reply[2 * i]), stale: reply[2 * i + 1] === 1 }))
  }

  async append(topic: string, key: string, seq: number, values: string[]): Promise<boolean> {
    return (await this.#scripts.run('append', topic, [key, seq, ...values])) === 1
  }

  async remove(topic: string, key: string, reason: string): Promise<void> {
    await this.#scripts.run('remove', topic, [key, reason])
  }

  async latest(topic: string): Promise<Latest> {
    const [head = '', ...flat] = (await this.#scripts.run('latest', topic)) as string[]
    const entries: Entry[] = []
    for (let i = 0; i < flat.length; i += 2) entries.push(entryOf(flat[i] ?? '', flat[i + 1] ?? ''))
    return { head, entries }
  }

  async history(topic: string, id: EventId): Promise<History> {
    const [recovered, entries] = (await this.#scripts.run('history', topic, [id])) as [number, StreamEntry[]]
    return { recovered: recovered === 1, events: entries.map(eventOfEntry) }
  }

  async keep(topic: string, holder: string, holds: Hold[]): Promise<Kept> {
    const args = holds.flatMap(({ key, as }) => [key, letters[as]])
    const [head, nextEndMs] = (await this.#scripts.run('keep', topic, [holder, ...args])) as [string, number]
    return { head, nextEndMs: nextEndMs < 0 ? null : nextEndMs }
  }

  async alive(topic: string, key: string): Promise<void> {
    await this.#scripts.run('alive', topic, [key])
  }

  async follow(topic: string, follower: Follower): Promise<() => void> {
    return this.#subscriptions.follow(this.#scripts.channel(topic), follower).catch(error => {
      throw unavailable(error)
    })
  }

  trouble(): string | null {
    if (this.#commands.status !== 'ready') return 'Redis cannot be reached'
    if (this.#subscriber.status !== 'ready') return 'Redis Pub/Sub cannot be reached'
    return null
  }

  async close(): Promise<void> {
    this.#commands.disconnect()
    this.#subscriber.disconnect()
  }
}

/** A stored value is `id TAB seq TAB value`. */
function entryOf(key: string, stored: string): Entry {
  const [id = '', seq = ''] = stored.split('\t', 2)
  return { id, key, value: stored.slice(id.length + seq.length + 2) }
}
