/**
 * The broker on Redis: one script for each operation, and one Pub/Sub channel for each topic.
 */
import type {
  Broker,
  BrokerOptions,
  Draft,
  EventId,
  History,
  Hold,
  KeepResult,
  Latest,
  Receipt,
  Subscriber,
} from '../broker.ts'
import { eventsOf, type StreamEntry } from './announcement.ts'
import { KeepBatcher } from './keep-batcher.ts'
import { readLatest } from './latest-reader.ts'
import { PublishBatcher } from './publish-batcher.ts'
import { type ScriptContext, Scripts } from './scripts.ts'
import type { Subscriptions } from './subscriptions.ts'

/** What all brokers on one Redis share. */
export interface SharedRedis extends ScriptContext {
  readonly subscriptions: Subscriptions
}

export class RedisBroker implements Broker {
  readonly #subscriptions: Subscriptions
  readonly #scripts: Scripts
  readonly #batcher: PublishBatcher
  readonly #keeps: KeepBatcher

  constructor(redis: SharedRedis, options: BrokerOptions) {
    this.#subscriptions = redis.subscriptions
    this.#scripts = new Scripts(redis, options)
    this.#batcher = new PublishBatcher(this.#scripts)
    this.#keeps = new KeepBatcher(this.#scripts)
  }

  publish(topic: string, drafts: Draft[]): Promise<Receipt[] | null> {
    return this.#batcher.publish(topic, drafts)
  }

  async append(topic: string, key: string, seq: number, values: string[]): Promise<boolean> {
    return (await this.#scripts.run('append', topic, key, seq, ...values)) === 1
  }

  async remove(topic: string, key: string, reason: string): Promise<EventId> {
    return (await this.#scripts.run('remove', topic, key, reason)) as EventId
  }

  async endGrace(topic: string, key: string): Promise<EventId> {
    return (await this.#scripts.run('end-grace', topic, key)) as EventId
  }

  latest(topic: string): Promise<Latest> {
    return readLatest(
      async (cursor, count) => (await this.#scripts.run('latest', topic, cursor, count)) as string[],
      id => this.history(topic, id),
    )
  }

  async history(topic: string, id: EventId): Promise<History> {
    const [recovered, entries] = (await this.#scripts.run('history', topic, id)) as [number, StreamEntry[]]
    return { recovered: recovered === 1, events: eventsOf(entries) }
  }

  keep(topic: string, holder: string, holds: Hold[], isOpen: boolean): Promise<KeepResult> {
    return this.#keeps.keep(topic, holder, holds, isOpen)
  }

  async alive(topic: string, key: string): Promise<void> {
    await this.#scripts.run('alive', topic, key)
  }

  subscribe(topic: string, subscriber: Subscriber): Promise<() => void> {
    return this.#subscriptions.subscribe(this.#scripts.channel(topic), subscriber)
  }
}
