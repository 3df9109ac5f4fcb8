/**
 * One instance's fan-out: a view for each topic that someone here reads, a frame for each event, many sessions.
 *
 * Knows neither Redis nor HTTP. A session gets every event once and in order, or is told that it was reset.
 */
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Broker, EventId } from '../broker/broker.ts'
import { LeaseManager } from '../broker/lease-manager.ts'
import { FlushScheduler } from './flush-scheduler.ts'
import { type Ending, Session, type Sink } from './session.ts'
import { HubStats } from './stats.ts'
import type { Format } from './topic-format.ts'
import { TopicReplica } from './topic-replica.ts'
import { Wheel } from './wheel.ts'

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
}

export interface Join {
  topic: string
  /** Begins the response; null if its client has gone. */
  open(): Sink | null
  /** Go on after this event. */
  lastEventId: string | undefined
  /** The key this session stands for, if any. */
  key: string | undefined
  /** Whether the client is asked for signs of life, instead of believing an open socket. */
  ack: boolean
  /** When it ends at the latest, in milliseconds since 1970. */
  untilMs?: number
  onClose(ending: Ending): void
}

/** How long an ended session's last bytes may take to be taken. */
const lastBytesMs = 1_000

export class Hub {
  readonly stats = new HubStats()
  readonly #broker: Broker
  readonly #format: Format
  readonly #options: HubOptions
  readonly #views = new Map<string, OpenView>()
  readonly #leaseManagers = new Map<string, LeaseManager>()
  readonly #sessions = new Set<Session>()
  /** Sessions, and those on their way to become one. */
  #streams = 0
  #onEmpty = () => {}
  readonly #scheduler = new FlushScheduler()
  readonly #slotMs: number
  readonly #wheel: Wheel

  constructor(broker: Broker, format: Format, options: HubOptions) {
    this.#broker = broker
    this.#format = format
    this.#options = options
    this.#slotMs = Math.max(5, Math.min(100, options.heartbeatMs / 8, options.streamAgeMs / 40))
    this.#wheel = new Wheel(this.#slotMs)
  }

  get streams(): number {
    return this.#streams
  }

  /** How many readers have a socket that takes no more at present. */
  get behind(): number {
    let behind = 0
    for (const session of this.#sessions) if (session.isBehind) behind++
    return behind
  }

  /** Whether a reader of the topic can go on after that event from what is here. */
  knows(topic: string, id: EventId): boolean {
    return typeof this.#views.get(topic)?.view.tail.after(id) === 'number'
  }

  /** Makes a response a reader of a topic. Rejects with `Unavailable`, and does not begin it, when there is nothing to show. */
  async join(join: Join): Promise<void> {
    const { topic, lastEventId } = join
    const entry = this.#enter(topic)
    try {
      await entry.opened
      // With the store away, what is here is what there is: whoever asks for more is reset.
      if (lastEventId) await entry.view.reach(lastEventId).catch(() => {})
    } catch (error) {
      this.#leave(topic, entry)
      throw error
    }
    const sink = join.open()
    if (sink) this.#start(entry, sink, join)
    else this.#leave(topic, entry)
  }

  /**
   * Ends the sessions one after another in this time, so that their clients come back spread out. Resolves once they
   * are closed, or take nothing more.
   */
  async drain(overMs: number): Promise<void> {
    const sessions = [...this.#sessions]
    const start = performance.now()
    for (const [i, session] of sessions.entries()) {
      const dueMs = start + (overMs * (i + 0.5)) / sessions.length - performance.now()
      if (dueMs > 1) await setTimeout(dueMs)
      session.end('drained')
    }
    // Those that were on their way to become one.
    for (const session of this.#sessions) session.end('drained')
    if (this.#sessions.size === 0) return
    const empty = new Promise<void>(resolve => {
      this.#onEmpty = resolve
    })
    await Promise.race([empty, setTimeout(lastBytesMs, undefined, { ref: false })])
  }

  /** Resolves once the broker knows who has gone; whoever is still here is cut off. */
  async close(): Promise<void> {
    for (const session of this.#sessions) session.cut()
    while (this.#sessions.size > 0) await setImmediate()
    await Promise.allSettled([...this.#leaseManagers.values()].map(leases => leases.stop()))
  }

  #start(entry: OpenView, sink: Sink, join: Join): void {
    const { view } = entry
    const { heartbeatMs, stallMs, streamAgeMs } = this.#options
    const { topic, key, ack, lastEventId, untilMs = Number.POSITIVE_INFINITY, onClose } = join
    const leases = this.#leases(topic)
    const next = lastEventId ? view.tail.after(lastEventId) : null
    this.stats.joins[next !== null ? 'resumed' : lastEventId ? 'reset' : 'joined']++
    const session = new Session(view, sink, next, lastEventId ? 'reset' : 'joined', {
      heartbeatMs,
      stallMs,
      ageMs: Math.min(drawnAge(streamAgeMs, this.#slotMs), untilMs - Date.now()),
      ack,
      onClose: ending => {
        this.#wheel.remove(session)
        this.#sessions.delete(session)
        view.readers.delete(session)
        leases.leave(key, ack)
        this.#leave(topic, entry)
        onClose(ending)
        if (this.#sessions.size === 0) this.#onEmpty()
      },
    })
    view.readers.add(session)
    this.#sessions.add(session)
    this.#wheel.add(session, session.visit(performance.now()))
    leases.enter(key, ack)
  }

  #enter(topic: string): OpenView {
    let entry = this.#views.get(topic)
    if (!entry) {
      const view = new TopicReplica(
        topic,
        this.#format,
        this.#broker,
        this.#scheduler,
        this.stats,
        this.#options.historyLength,
      )
      entry = { view, opened: view.open(), readers: 0 }
      this.#views.set(topic, entry)
    }
    entry.readers++
    this.#streams++
    return entry
  }

  #leave(topic: string, entry: OpenView): void {
    this.#streams--
    if (--entry.readers > 0) return
    this.#views.delete(topic)
    entry.view.close()
  }

  #leases(topic: string): LeaseManager {
    const known = this.#leaseManagers.get(topic)
    if (known) return known
    const leases = new LeaseManager(this.#broker, {
      ...this.#options,
      topic,
      onHead: head => this.#views.get(topic)?.view.compare(head),
      onIdle: () => this.#leaseManagers.delete(topic),
    })
    this.#leaseManagers.set(topic, leases)
    return leases
  }
}

/** 80 to 100 % of the age: what is due is visited up to a slot of the wheel later. */
function drawnAge(ageMs: number, slotMs: number): number {
  return 0.8 * ageMs + (0.2 * ageMs - slotMs) * Math.random()
}

interface OpenView {
  view: TopicReplica
  opened: Promise<void>
  /** Sessions, and those on their way to become one. */
  readers: number
}
