/**
 * The broker of a single instance. It follows the same rules as the Redis scripts.
 *
 * Expiry does not depend on timers: each step first removes what has expired from its topic, and a timer that visits all
 * topics only frees memory.
 */
import type {
  Broker,
  BrokerOptions,
  Draft,
  Event,
  EventId,
  History,
  Hold,
  KeepResult,
  Latest,
  Receipt,
  Subscriber,
} from '../broker.ts'
import { MemoryTopic } from './memory-topic.ts'

/** What brokers on the same topics share. */
export interface SharedTopics {
  topics: Map<string, MemoryTopic>
  subscribers: Map<string, Set<Subscriber>>
  /** Announcements that are being delivered, in their order. */
  announcements: Announcement[]
}

interface Announcement {
  topic: string
  after: EventId
  events: Event[]
}

/** How often all topics are visited at least. */
const maxTidyMs = 60_000

export class MemoryBroker implements Broker {
  readonly #topics: Map<string, MemoryTopic>
  readonly #subscribers: Map<string, Set<Subscriber>>
  readonly #announcements: Announcement[]
  readonly #options: BrokerOptions
  #tidying: NodeJS.Timeout | undefined

  constructor(
    options: BrokerOptions,
    { topics, subscribers, announcements }: SharedTopics = {
      topics: new Map(),
      subscribers: new Map(),
      announcements: [],
    },
  ) {
    this.#options = options
    this.#topics = topics
    this.#subscribers = subscribers
    this.#announcements = announcements
  }

  async publish(topic: string, drafts: Draft[]): Promise<Receipt[] | null> {
    return this.#change(topic, room => room.publishAll(drafts))
  }

  async append(topic: string, key: string, seq: number, values: string[]): Promise<boolean> {
    return this.#change(topic, room => room.append(key, seq, values))
  }

  async remove(topic: string, key: string, reason: string): Promise<EventId> {
    return this.#change(topic, room => room.remove(key, reason))
  }

  async endGrace(topic: string, key: string): Promise<EventId> {
    return this.#change(topic, room => room.endGrace(key))
  }

  async latest(topic: string): Promise<Latest> {
    return this.#change(topic, room => room.latest())
  }

  async history(topic: string, id: EventId): Promise<History> {
    return this.#change(topic, room => room.history(id))
  }

  async keep(topic: string, holder: string, holds: Hold[], isOpen: boolean): Promise<KeepResult> {
    return this.#change(topic, room => room.keep(holder, holds, isOpen))
  }

  async alive(topic: string, key: string): Promise<void> {
    this.#change(topic, room => room.alive(key))
  }

  async subscribe(topic: string, subscriber: Subscriber): Promise<() => void> {
    const subscribers = this.#subscribers.get(topic) ?? new Set()
    this.#subscribers.set(topic, subscribers.add(subscriber))
    return () => {
      subscribers.delete(subscriber)
      if (subscribers.size === 0 && this.#subscribers.get(topic) === subscribers) this.#subscribers.delete(topic)
    }
  }

  /** Runs one atomic step, like a Redis script, and announces its events together. */
  #change<T>(topic: string, step: (room: MemoryTopic) => T): T {
    const room = this.#topics.get(topic) ?? new MemoryTopic()
    const after = room.begin(this.#options)
    const result = step(room)
    const events = room.commit()
    if (room.isEmpty) this.#topics.delete(topic)
    else {
      this.#topics.set(topic, room)
      this.#tidying ??= setTimeout(() => this.#tidy(), Math.min(this.#options.historyTtlMs, maxTidyMs)).unref()
    }
    if (events) this.#announce({ topic, after, events })
    return result
  }

  /** A subscriber may publish. Its announcement waits until every subscriber has received the present one. */
  #announce(announcement: Announcement): void {
    this.#announcements.push(announcement)
    if (this.#announcements.length > 1) return
    try {
      for (const { topic, after, events } of this.#announcements) {
        for (const subscriber of this.#subscribers.get(topic) ?? []) subscriber.announced(after, events)
      }
    } finally {
      this.#announcements.length = 0
    }
  }

  /** Removes what has expired from every topic. `#change` sets the timer again while there are topics. */
  #tidy(): void {
    this.#tidying = undefined
    for (const topic of this.#topics.keys()) this.#change(topic, () => {})
  }
}
