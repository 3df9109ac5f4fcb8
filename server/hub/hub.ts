/**
 * Fans out one instance's topics: one broker subscription per topic that has readers, one frame per event, many sessions.
 * A session gets every event once and in order, or a snapshot that says why not.
 *
 * The way of an event: broker → TopicReplica → ReplayBuffer; then FlushScheduler → SessionGroup → Session → socket.
 */
import { setImmediate, setTimeout } from 'node:timers/promises'
import { type Broker, type EventId, type Latest, unlessUnavailable } from '../broker/broker.ts'
import { LeaseManager } from '../broker/lease-manager.ts'
import { FlushScheduler } from './flush-scheduler.ts'
import { OpenTopic } from './open-topic.ts'
import { type Ending, Session, type Sink } from './session.ts'
import { HubStats } from './stats.ts'
import type { Format } from './topic-format.ts'

export interface HubOptions {
  /** This instance's name among the holders of leases. */
  holder: string
  historyLength: number
  heartbeatMs: number
  historyTtlMs: number
  leaseMs: number
  graceMs: number
  stallMs: number
  streamAgeMs: number
  /** Receives errors that are bugs. The hub keeps working. */
  onError(error: unknown): void
}

export interface Join {
  topic: string
  /** Begins the response. Returns null if the client has left. */
  open(): Sink | null
  /** The event to resume after. */
  lastEventId: string | undefined
  /** The key whose lease the session holds, if any. */
  key: string | undefined
  /** Whether the client must answer pings, because an open socket does not prove that it is alive. */
  ack: boolean
  /** When the session ends at the latest, in milliseconds since 1970. */
  untilMs?: number
  onClose(ending: Ending, durationMs: number): void
}

/** How long a drained session's last bytes may take. */
const lastBytesMs = 1_000

export class Hub {
  readonly stats = new HubStats()
  readonly #broker: Broker
  readonly #format: Format
  readonly #options: HubOptions
  readonly #topics = new Map<string, OpenTopic>()
  readonly #leaseManagers = new Map<string, LeaseManager>()
  readonly #sessions = new Set<Session>()
  readonly #scheduler = new FlushScheduler()
  /** Sessions and requests that are about to become sessions. */
  #streams = 0
  readonly #tickMs: number
  /** Runs while there are sessions. */
  #ticker: NodeJS.Timeout | undefined
  #onEmpty = () => {}

  constructor(broker: Broker, format: Format, options: HubOptions) {
    this.#broker = broker
    this.#format = format
    this.#options = options
    this.#tickMs = Math.max(5, Math.min(100, options.heartbeatMs / 8, options.streamAgeMs / 40))
  }

  get streams(): number {
    return this.#streams
  }

  /** The number of topics with sessions, or with requests that are about to become sessions. */
  get topics(): number {
    return this.#topics.size
  }

  /** The number of keys in all topics that this instance has read. */
  get keys(): number {
    let keys = 0
    for (const { isRead, replica } of this.#topics.values()) if (isRead) keys += replica.size
    return keys
  }

  /** The number of sessions whose socket is full. */
  get behind(): number {
    let behind = 0
    for (const session of this.#sessions) if (session.isBehind) behind++
    return behind
  }

  /** Whether a session can resume after that event without a reading of the history. */
  knows(topic: string, id: EventId): boolean {
    return typeof this.#topics.get(topic)?.replica.buffer.after(id) === 'number'
  }

  /** This instance's copy of the topic, confirmed within `maxAgeMs`; undefined if it has none. Rejects with `Unavailable`. */
  async latest(topic: string, maxAgeMs: number): Promise<Latest | undefined> {
    const entry = this.#topics.get(topic)
    if (!entry?.isRead) return undefined
    await entry.replica.refresh(maxAgeMs)
    return entry.replica.latest()
  }

  /** Makes a response a session of a topic. Rejects with `Unavailable` before the response begins if the topic cannot be read. */
  async join(join: Join): Promise<void> {
    const { topic, lastEventId } = join
    const entry = this.#enter(topic)
    try {
      await entry.opened
      // If the store is away, the replica serves what it has: a reader that needs more is reset.
      if (lastEventId) await entry.replica.reach(lastEventId).catch(unlessUnavailable(this.#options.onError))
    } catch (error) {
      this.#leave(topic, entry)
      throw error
    }
    const sink = join.open()
    if (sink) this.#start(entry, sink, join)
    else this.#leave(topic, entry)
  }

  /**
   * Ends the sessions one after another during `overMs`, so that their clients reconnect spread out. Resolves once they
   * are closed or take no more bytes.
   */
  async drain(overMs: number): Promise<void> {
    const sessions = [...this.#sessions]
    const start = performance.now()
    for (const [i, session] of sessions.entries()) {
      const dueMs = start + (overMs * (i + 0.5)) / sessions.length - performance.now()
      if (dueMs > 1) await setTimeout(dueMs)
      session.end('drained')
    }
    // Requests may have become sessions in the meantime.
    for (const session of this.#sessions) session.end('drained')
    if (this.#sessions.size === 0) return
    const empty = new Promise<void>(resolve => {
      this.#onEmpty = resolve
    })
    await Promise.race([empty, setTimeout(lastBytesMs, undefined, { ref: false })])
  }

  /** Closes every connection. Resolves once the broker knows which leases this instance has released. */
  async close(): Promise<void> {
    for (const session of this.#sessions) session.cut()
    while (this.#sessions.size > 0) await setImmediate()
    const { onError } = this.#options
    // If the store is unavailable, the leases end by themselves.
    await Promise.all([...this.#leaseManagers.values()].map(leases => leases.stop().catch(unlessUnavailable(onError))))
  }

  #start(entry: OpenTopic, sink: Sink, join: Join): void {
    const { replica, group } = entry
    const { heartbeatMs, stallMs, streamAgeMs } = this.#options
    const { topic, key, ack, lastEventId, untilMs = Number.POSITIVE_INFINITY, onClose } = join
    // A topic that is over does not change. A reader must not keep it for longer.
    const leases = replica.isOver ? undefined : this.#leases(topic)
    const next = lastEventId ? replica.buffer.after(lastEventId) : null
    const startedAt = performance.now()
    this.stats.joins[next !== null ? 'resumed' : lastEventId ? 'reset' : 'joined']++
    const session = new Session(replica, sink, next, lastEventId ? 'reset' : 'joined', {
      heartbeatMs,
      stallMs,
      ageMs: Math.min(randomAge(streamAgeMs, this.#tickMs), untilMs - Date.now()),
      ack,
      onClose: ending => {
        group.delete(session)
        this.#remove(session)
        leases?.leave(key, ack)
        this.#leave(topic, entry)
        const durationMs = performance.now() - startedAt
        this.stats.onClose(durationMs)
        onClose(ending, durationMs)
        if (this.#sessions.size === 0) this.#onEmpty()
      },
    })
    group.add(session)
    this.#add(session)
    leases?.enter(key, ack)
  }

  #add(session: Session): void {
    this.#sessions.add(session)
    this.#ticker ??= setInterval(() => this.#tick(), this.#tickMs).unref()
  }

  #remove(session: Session): void {
    this.#sessions.delete(session)
    if (this.#sessions.size > 0) return
    clearInterval(this.#ticker)
    this.#ticker = undefined
  }

  /** Looks at every session, which is cheaper than a timer for each. */
  #tick(): void {
    const now = performance.now()
    for (const session of this.#sessions) session.tick(now)
  }

  #enter(topic: string): OpenTopic {
    let entry = this.#topics.get(topic)
    if (!entry) {
      entry = this.#open(topic)
      this.#topics.set(topic, entry)
    }
    entry.streams++
    this.#streams++
    return entry
  }

  #open(topic: string): OpenTopic {
    const { historyLength, onError } = this.#options
    const options = { topic, broker: this.#broker, format: this.#format, stats: this.stats, historyLength, onError }
    return new OpenTopic(options, this.#scheduler)
  }

  #leave(topic: string, entry: OpenTopic): void {
    this.#streams--
    if (--entry.streams > 0) return
    this.#topics.delete(topic)
    entry.replica.close()
  }

  #leases(topic: string): LeaseManager {
    const known = this.#leaseManagers.get(topic)
    if (known) return known
    const leases = new LeaseManager(this.#broker, {
      ...this.#options,
      topic,
      onHead: head => this.#topics.get(topic)?.replica.compare(head),
      onIdle: () => this.#leaseManagers.delete(topic),
    })
    this.#leaseManagers.set(topic, leases)
    return leases
  }
}

/** 80 to 100 % of the age. A session ends up to one tick after that. */
function randomAge(ageMs: number, tickMs: number): number {
  return 0.8 * ageMs + (0.2 * ageMs - tickMs) * Math.random()
}
