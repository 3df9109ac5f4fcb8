/**
 * The broker over Redis: one script for each step, and a Pub/Sub channel for each topic.
 */
import {
  type Broker,
  type BrokerOptions,
  type Entry,
  type EventId,
  type History,
  type Hold,
  type Kept,
  type Latest,
  type Receipt,
  type Subscriber,
  Unavailable,
} from '../broker.ts'
import { eventsOf, type StreamEntry } from './announcement.ts'
import { gathered } from './publish-batcher.ts'
import type { RedisStore } from './redis-store.ts'
import { Scripts } from './scripts.ts'

const letters = { held: 'h', acked: 'a', released: 'r' } as const

export class RedisBroker implements Broker {
  readonly #store: RedisStore
  readonly #scripts: Scripts

  constructor(store: RedisStore, options: BrokerOptions) {
    this.#store = store
    this.#scripts = new Scripts(store, options)
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

  async subscribe(topic: string, subscriber: Subscriber): Promise<() => void> {
    return this.#store.subscriptions.subscribe(this.#scripts.channel(topic), subscriber).catch(error => {
      throw new Unavailable('Redis Pub/Sub does not answer.', { cause: error })
    })
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
