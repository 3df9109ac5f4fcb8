/**
 * This instance's copy of one topic: its head, the newest part of its log and every key's value.
 *
 * The replica is itself a reader of the log. Whatever it may have missed, it reads from the history after its own head.
 * If the history no longer contains that head, the replica starts again from the topic's values with a new buffer, and
 * every session is reset.
 */
import {
  type Broker,
  beginning,
  compareIds,
  type Entry,
  type Event,
  type EventId,
  isId,
  type Latest,
  type Subscriber,
  Unavailable,
} from '../broker/broker.ts'
import { CatchUpQueue } from './catch-up-queue.ts'
import { ReplayBuffer } from './replay-buffer.ts'
import type { Source } from './session.ts'
import { type Snapshot, SnapshotCache } from './snapshot-cache.ts'
import type { CatchUpCause, HubStats } from './stats.ts'
import type { Format, SnapshotReason } from './topic-format.ts'

export interface TopicReplicaOptions {
  topic: string
  broker: Broker
  format: Format
  stats: HubStats
  historyLength: number
  /** The replica has more for its sessions: new events, or a new buffer. */
  onChange(): void
  /** Receives errors other than `Unavailable`. */
  onError(error: unknown): void
}

export class TopicReplica implements Subscriber, Source {
  readonly format: Format
  readonly stats: HubStats
  readonly #options: TopicReplicaOptions
  #buffer: ReplayBuffer
  #head: EventId = beginning
  #values = new Map<string, Entry>()
  readonly #snapshots = new SnapshotCache(reason => this.format.snapshot(reason, this.#head, this.#values.values()))
  readonly #catchUps = new CatchUpQueue((after, events) => this.announced(after, events))
  /** The oldest id that readers have asked for since the last reading of older history. */
  #oldestWanted: EventId | null = null
  /**
   * Whether older history was read once. The next such reading takes the whole history, so that readers with ever older
   * ids cause at most two.
   */
  #hasReadOlder = false
  /** When the replica was last known to have the log's head. */
  #confirmedAt = Number.NEGATIVE_INFINITY
  #unsubscribe = () => {}
  #isClosed = false

  constructor(options: TopicReplicaOptions) {
    this.#options = options
    this.format = options.format
    this.stats = options.stats
    this.#buffer = this.#newBuffer()
  }

  /** Subscribes before it reads, so that no event is lost in between. Rejects with `Unavailable`. */
  async open(): Promise<void> {
    const { broker, topic } = this.#options
    const unsubscribe = await broker.subscribe(topic, this)
    if (this.#isClosed) return unsubscribe()
    this.#unsubscribe = unsubscribe
    await this.#catchUps.run('whole topic', () => this.#startAnew())
  }

  close(): void {
    this.#isClosed = true
    this.#catchUps.close()
    this.#unsubscribe()
  }

  get buffer(): ReplayBuffer {
    return this.#buffer
  }

  get head(): EventId {
    return this.#head
  }

  /** The number of keys. */
  get size(): number {
    return this.#values.size
  }

  latest(): Latest {
    return { head: this.#head, entries: [...this.#values.values()] }
  }

  get isOver(): boolean {
    return this.format.isOver(this.#values)
  }

  snapshot(reason: SnapshotReason): Snapshot {
    return this.#snapshots.get(reason, this.#buffer)
  }

  announced(after: EventId, events: Event[]): void {
    if (this.#catchUps.hold(after, events)) return
    if (after === this.#head) this.#apply(events)
    else if (!this.#knows(events.at(-1)?.id)) this.#catchUp('gap')
  }

  interrupted(): void {
    this.#catchUp('interrupted')
  }

  /** Compares with the log's head as the broker has just reported it: a quiet topic's last announcement may be lost. */
  compare(head: EventId): void {
    if (head === this.#head) this.#confirmedAt = performance.now()
    else if (!this.#buffer.has(head)) this.#catchUp('head')
  }

  /** Reads what it may have missed, unless it was confirmed within `maxAgeMs`. Rejects with `Unavailable`. */
  async refresh(maxAgeMs: number): Promise<void> {
    if (performance.now() - this.#confirmedAt <= maxAgeMs) return
    await this.#catchUps.run('after head', () => this.#readAfterHead())
  }

  /** Reads the history back to `id`, if the broker still has it, so that a reader can resume after it. */
  async reach(id: EventId): Promise<void> {
    if (this.#buffer.after(id) !== null || !isId(id)) return
    this.stats.catchUps.resume++
    if (this.#buffer.isComplete) return this.#catchUps.run('after head', () => this.#readAfterHead())
    if (this.#oldestWanted === null || compareIds(id, this.#oldestWanted) < 0) this.#oldestWanted = id
    await this.#catchUps.run('older', () => this.#readOlder())
  }

  /**
   * Reads what the replica may have missed, as soon as the store answers. Another error is a bug: it is not retried, but
   * the next announcement that does not follow, and the next comparison of heads, make the replica catch up.
   */
  #catchUp(cause: CatchUpCause): void {
    this.stats.catchUps[cause]++
    this.#catchUps
      .run('after head', () => this.#readAfterHead())
      .catch(error => {
        if (error instanceof Unavailable) this.#catchUps.retryLater(() => this.#catchUp(cause))
        else this.#options.onError(error)
      })
  }

  #knows(id: EventId | undefined): boolean {
    return id !== undefined && (id === this.#head || this.#buffer.has(id))
  }

  async #readAfterHead(): Promise<void> {
    const { recovered, events } = await this.#options.broker.history(this.#options.topic, this.#head)
    if (recovered) this.#apply(events)
    else await this.#startAnew()
  }

  /** Reads from the oldest wanted id. If that id is not older than the head, it can only be after it. */
  async #readOlder(): Promise<void> {
    const oldest = this.#oldestWanted ?? this.#head
    this.#oldestWanted = null
    if (this.#buffer.isComplete || compareIds(oldest, this.#head) >= 0) return this.#readAfterHead()
    if (!this.#hasReadOlder && (await this.#readFrom(oldest))) return
    await this.#readFrom(beginning)
  }

  /** Prepends the history after `from`. Returns false if the history does not contain `from`. */
  async #readFrom(from: EventId): Promise<boolean> {
    const { recovered, events } = await this.#options.broker.history(this.#options.topic, from)
    const isAll = from === beginning
    if (!recovered && !isAll) return false
    const own = events.findIndex(({ id }) => id === this.#head)
    // The head is not an event if the log started again there. Otherwise it belongs to another log.
    if (own < 0) await this.#readAfterHead()
    else {
      this.#hasReadOlder = true
      const frames = events.slice(0, own + 1).map(event => ({ id: event.id, text: this.format.event(event) }))
      this.#buffer.prepend(frames, recovered ? from : null, isAll)
      this.#apply(events.slice(own + 1))
    }
    return true
  }

  async #startAnew(): Promise<void> {
    const { head, entries } = await this.#options.broker.latest(this.#options.topic)
    this.#head = head
    this.#values = new Map(entries.map(entry => [entry.key, entry]))
    this.#buffer = this.#newBuffer()
    this.#snapshots.clear()
    this.#hasReadOlder = false
    this.#confirmedAt = performance.now()
    this.#options.onChange()
  }

  #apply(events: Event[]): void {
    this.#confirmedAt = performance.now()
    for (const event of events) {
      const { id, key, value } = event
      this.#buffer.append(id, this.format.event(event))
      if (value === null) this.#values.delete(key)
      else this.#values.set(key, { id, key, value })
      this.#head = id
    }
    if (events.length === 0) return
    this.stats.eventsIn += events.length
    this.#options.onChange()
  }

  #newBuffer(): ReplayBuffer {
    return new ReplayBuffer(this.#options.historyLength, this.#head, this.stats.onFrame)
  }
}
