/**
 * Keeps the leases of one topic's keys for as long as a session here stands for them, and the topic itself from idling.
 *
 * What changes is told to the broker at once, in one step for all that changed while the last one was under way; what
 * stays is told again before a third of the lease is over. Leases that run out are looked for when the next one is due,
 * so whoever lets go here sees to it that the end is announced.
 */
import type { Broker, EventId, Hold, Kept } from './broker.ts'

interface Sessions {
  held: number
  acked: number
}

export interface LeaseManagerOptions {
  topic: string
  /** This instance's name among the holders. */
  holder: string
  leaseMs: number
  graceMs: number
  historyTtlMs: number
  /** Hears of the topic's head at every reply. */
  onHead(head: EventId): void
  /** Nobody is left here, and nothing is left to do. */
  onIdle(): void
}

const retryMs = 500
/** How often, at least, a topic's head is looked at: an announcement may have been the last, and lost. */
const maxLookMs = 3_000

export class LeaseManager {
  readonly #broker: Broker
  readonly #options: LeaseManagerOptions
  readonly #sessions = new Map<string, Sessions>()
  readonly #changed = new Set<string>()
  #readers = 0
  #renewAt = 0
  /** Until when there may be keys that were let go here and have not run out. */
  #watchUntil = 0
  #telling: Promise<void> | null = null
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(broker: Broker, options: LeaseManagerOptions) {
    this.#broker = broker
    this.#options = options
    this.#wake(0)
  }

  /** A session came; with a key it stands for it. */
  enter(key: string | undefined, acked: boolean): void {
    this.#readers++
    if (key !== undefined) this.#count(key, acked, 1)
  }

  leave(key: string | undefined, acked: boolean): void {
    this.#readers--
    if (key !== undefined) this.#count(key, acked, -1)
    else if (this.#readers === 0) this.#wake(0)
  }

  /** Tells the broker what it was not told yet, and nothing after that. Rejects with `Unavailable`. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#telling
    if (this.#changed.size > 0) await this.#keep(this.#holds(this.#changed))
  }

  #count(key: string, acked: boolean, by: 1 | -1): void {
    const sessions = this.#sessions.get(key) ?? { held: 0, acked: 0 }
    sessions[acked ? 'acked' : 'held'] += by
    if (sessions.held + sessions.acked > 0) this.#sessions.set(key, sessions)
    else this.#sessions.delete(key)
    this.#changed.add(key)
    this.#wake(0)
  }

  #wake(inMs: number): void {
    if (this.#telling || this.#isStopped) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#telling = this.#tell().then(nextMs => {
        this.#telling = null
        // Someone may have come while it was told.
        if (nextMs === null && this.#readers === 0 && this.#changed.size === 0) this.#options.onIdle()
        else this.#wake(nextMs ?? 0)
      })
    }, inMs)
  }

  /** Returns when to tell the next, in ms; null: never. */
  async #tell(): Promise<number | null> {
    const { leaseMs, graceMs, historyTtlMs } = this.#options
    const now = performance.now()
    const isRenewal = now >= this.#renewAt
    const changed = [...this.#changed]
    const holds = this.#holds(isRenewal ? [...changed, ...this.#held()] : changed)
    this.#changed.clear()
    try {
      const { head, nextEndMs } = await this.#keep(holds)
      if (isRenewal) this.#renewAt = now + leaseMs / 3
      if (holds.some(({ as }) => as === 'released')) this.#watchUntil = performance.now() + graceMs
      this.#options.onHead(head)
      if (this.#changed.size > 0) return 0
      const isNeeded = this.#readers > 0 || (nextEndMs !== null && performance.now() <= this.#watchUntil)
      if (!isNeeded) return null
      const lookMs = Math.min(maxLookMs, historyTtlMs / 3)
      const renewalMs = Math.max(0, this.#renewAt - performance.now())
      return Math.min(lookMs, renewalMs, nextEndMs === null ? lookMs : nextEndMs + 1)
    } catch {
      // The store is away; it is told as soon as it is back.
      for (const key of changed) this.#changed.add(key)
      return retryMs
    }
  }

  #keep(holds: Hold[]): Promise<Kept> {
    const { topic, holder } = this.#options
    return this.#broker.keep(topic, holder, holds, this.#readers > 0)
  }

  /** Acked leases are not renewed: that is for the client. */
  #held(): string[] {
    return [...this.#sessions].filter(([, { held }]) => held > 0).map(([key]) => key)
  }

  #holds(keys: Iterable<string>): Hold[] {
    return [...new Set(keys)].map(key => {
      const sessions = this.#sessions.get(key)
      return { key, as: sessions ? (sessions.held > 0 ? 'held' : 'acked') : 'released' }
    })
  }
}
