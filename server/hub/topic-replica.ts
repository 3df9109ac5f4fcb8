/**
 * This instance's view of one topic: its head, the end of its log, every key's value, and its readers.
 *
 * The view is itself a reader of the log. Whatever it may have missed, for whatever cause, it reads from the history after
 * its own head; when the history no longer knows that head it starts anew, and every session is told that it was reset.
 */
import {
  type Broker,
  beginning,
  type Entry,
  type Event,
  type EventId,
  isAbove,
  isId,
  type Subscriber,
} from '../broker/broker.ts'
import type { FlushScheduler } from './flush-scheduler.ts'
import { ReplayBuffer } from './replay-buffer.ts'
import type { Snapshot, Source } from './session.ts'
import { SessionGroup } from './session-group.ts'
import type { CatchUpCause, HubStats } from './stats.ts'
import type { Format, SnapshotReason } from './topic-format.ts'

interface Announcement {
  after: EventId
  events: Event[]
}

/** The whole topic as it is now; the history after the head; or as far back as readers ask for. */
type Reading = 'anew' | 'after head' | 'back'

/** What may wait while the history is read; past that it is read from it, too. */
const maxHeldBytes = 4 * 1024 * 1024
const retryMs = 250
/**
 * A snapshot is encoded anew when it lacks more events than it has of these bytes: at every head, but for one of megabytes.
 * SessionGroup whose sockets are full and who came one after another share its buffer then, so each costs no more than this.
 */
const snapshotBytes = 1024 * 1024

export class TopicReplica implements Subscriber, Source {
  readonly format: Format
  readonly stats: HubStats
  readonly readers: SessionGroup
  readonly #topic: string
  readonly #broker: Broker
  readonly #historyLength: number
  #tail: ReplayBuffer
  #head: EventId = beginning
  #values = new Map<string, Entry>()
  /** While the history is being read, announcements wait here. */
  #held: Announcement[] | null = []
  #heldBytes = 0
  #turn: Promise<unknown> = Promise.resolve()
  readonly #queued = new Map<Reading, Promise<void>>()
  /** The oldest id that a reader came back with and that is asked for with the next reading back. */
  #oldest: EventId | null = null
  /** Whether the tail was lengthened once: whoever asks for more is given all, so that nobody can ask again and again. */
  #isLengthened = false
  #retry: NodeJS.Timeout | undefined
  #unsubscribe = () => {}
  #closed = false
  readonly #snapshots = new Map<SnapshotReason, Snapshot>()

  constructor(
    topic: string,
    format: Format,
    broker: Broker,
    scheduler: FlushScheduler,
    stats: HubStats,
    historyLength: number,
  ) {
    this.#topic = topic
    this.format = format
    this.#broker = broker
    this.stats = stats
    this.readers = new SessionGroup(this, scheduler)
    this.#historyLength = historyLength
    this.#tail = new ReplayBuffer(historyLength, beginning, stats.onFrame)
  }

  /** Subscribes first and reads then, so that nothing falls between. Rejects with `Unavailable`. */
  async open(): Promise<void> {
    const unsubscribe = await this.#broker.subscribe(this.#topic, this)
    if (this.#closed) return unsubscribe()
    this.#unsubscribe = unsubscribe
    await this.#read('anew')
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#retry)
    this.#unsubscribe()
  }

  get tail(): ReplayBuffer {
    return this.#tail
  }

  get isOver(): boolean {
    return this.format.isOver(this.#values)
  }

  announced(after: EventId, events: Event[]): void {
    if (this.#held) {
      for (const { id, key, value } of events) this.#heldBytes += Buffer.byteLength(id + key + (value ?? ''))
      if (this.#heldBytes > maxHeldBytes) this.#held = [{ after: '', events: [] }]
      else this.#held.push({ after, events })
    } else if (after === this.#head) this.#apply(events)
    else if (!this.#knows(events)) this.#check('gap')
  }

  interrupted(): void {
    this.#check('interrupted')
  }

  /** The log's head as somebody else saw it: a quiet topic may have missed its last announcement. */
  compare(head: EventId): void {
    if (head !== this.#head && !this.#tail.has(head)) this.#check('head')
  }

  /** Reads what may have been missed, now or as soon as the store answers. */
  #check(cause: CatchUpCause): void {
    this.stats.catchUps[cause]++
    this.#read('after head').catch(() => {
      if (this.#closed) return
      clearTimeout(this.#retry)
      this.#retry = setTimeout(() => this.#check(cause), retryMs * (1 + Math.random())).unref()
    })
  }

  /** Gets hold of the history back to `id`, if that can be had: one reading for all who ask at a time. */
  async reach(id: EventId): Promise<void> {
    if (this.#tail.after(id) !== null || !isId(id)) return
    this.stats.catchUps.resume++
    if (this.#tail.isWhole) return this.#read('after head')
    if (this.#oldest === null || isAbove(this.#oldest, id)) this.#oldest = id
    await this.#read('back')
  }

  /** Everything there is, or was a moment ago, encoded once for all who need it. */
  snapshot(reason: SnapshotReason): Snapshot {
    const { start, end } = this.#tail
    const known = this.#snapshots.get(reason)
    if (known && known.end >= start && end - known.end <= known.bytes.length / snapshotBytes) return known
    const snapshot = { bytes: Buffer.from(this.format.snapshot(reason, this.#head, this.#values.values())), end }
    this.#snapshots.set(reason, snapshot)
    return snapshot
  }

  /** Readings take turns, and whoever asks before one has begun shares it. */
  #read(reading: Reading): Promise<void> {
    const queued = this.#queued.get(reading)
    if (queued) return queued
    const turn = this.#turn.then(async () => {
      this.#queued.delete(reading)
      if (this.#closed) return
      this.#held ??= []
      try {
        await (reading === 'anew' ? this.#startAnew() : reading === 'back' ? this.#readBack() : this.#readOn())
      } finally {
        this.#release()
      }
    })
    this.#queued.set(reading, turn)
    this.#turn = turn.catch(() => {})
    return turn
  }

  /** Reads what came after the head. */
  async #readOn(): Promise<void> {
    const { recovered, events } = await this.#broker.history(this.#topic, this.#head)
    if (recovered) this.#apply(events)
    else await this.#startAnew()
  }

  /** Reads from the oldest id that was asked for. What is not below the head came after it, if it is anywhere. */
  async #readBack(): Promise<void> {
    const oldest = this.#oldest ?? this.#head
    this.#oldest = null
    if (this.#tail.isWhole || !isAbove(this.#head, oldest)) return this.#readOn()
    if (!this.#isLengthened && (await this.#lengthen(oldest))) return
    await this.#lengthen(beginning)
  }

  /** False: `from` is not in the history, and nothing was done. */
  async #lengthen(from: EventId): Promise<boolean> {
    const { recovered, events } = await this.#broker.history(this.#topic, from)
    const isAll = from === beginning
    if (!recovered && !isAll) return false
    const mine = events.findIndex(({ id }) => id === this.#head)
    // Our head may be where a log began anew, which is no event; or it is of another log.
    if (mine < 0) await this.#readOn()
    else {
      this.#isLengthened = true
      this.#tail.prepend(events.slice(0, mine + 1).map(this.#encode), recovered ? from : null, isAll)
      this.#apply(events.slice(mine + 1))
    }
    return true
  }

  async #startAnew(): Promise<void> {
    const { head, entries } = await this.#broker.latest(this.#topic)
    this.#head = head
    this.#values = new Map(entries.map(entry => [entry.key, entry]))
    this.#tail = new ReplayBuffer(this.#historyLength, head, this.stats.onFrame)
    this.#isLengthened = false
    this.#snapshots.clear()
    this.readers.reset()
  }

  /** Goes through what was announced meanwhile: known, or the next, or a sign that there is more to read. */
  #release(): void {
    const held = this.#held ?? []
    this.#held = null
    this.#heldBytes = 0
    for (const { after, events } of held) this.announced(after, events)
  }

  #knows(events: Event[]): boolean {
    const last = events.at(-1)
    return last !== undefined && (last.id === this.#head || this.#tail.has(last.id))
  }

  #apply(events: Event[]): void {
    let length = 0
    for (const event of events) {
      const { id, key, value } = event
      const text = this.format.event(event)
      this.#tail.append(id, text)
      length += text.length
      if (value === null) this.#values.delete(key)
      else this.#values.set(key, { id, key, value })
      this.#head = id
    }
    const [first] = events
    if (!first) return
    this.stats.eventsIn += events.length
    this.readers.wake(Number.parseInt(first.id, 10), length)
  }

  readonly #encode = (event: Event) => ({ id: event.id, text: this.format.event(event) })
}
