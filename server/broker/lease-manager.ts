/**
 * Keeps the leases of one topic's keys while this instance has sessions that hold them, and keeps the topic from
 * becoming idle.
 *
 * Changes are sent to the broker at once, and changes that occur during a call are sent together in the next one. Held
 * leases are renewed at least every third of their time, by calls that are due anyway. After a release, the manager calls the broker again when the next lease
 * ends, so that the removal of the key is announced even if no other instance looks.
 */
import { type Broker, type EventId, type Hold, type KeepResult, Unavailable } from './broker.ts'

interface SessionCounts {
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
  /** Receives the topic's head after every call. */
  onHead(head: EventId): void
  /** There are no sessions and nothing is left to do. */
  onIdle(): void
  /** Receives errors other than `Unavailable`. */
  onError(error: unknown): void
}

const retryMs = 500
/** How often the topic's head is read at least, because the announcement of the last event may be lost. */
const maxIntervalMs = 3_000

/** Longer waits end at multiples of this, so that many topics call the broker in the same turn of the event loop. */
const alignMs = 100
const minAlignedMs = 1_000

export class LeaseManager {
  readonly #broker: Broker
  readonly #options: LeaseManagerOptions
  readonly #sessions = new Map<string, SessionCounts>()
  /** Keys whose sessions have changed since the broker was last told. */
  readonly #changed = new Set<string>()
  #readers = 0
  #renewAt = 0
  /** Until then a key that was released here may still have to be removed. */
  #watchUntil = 0
  #calling: Promise<void> | null = null
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(broker: Broker, options: LeaseManagerOptions) {
    this.#broker = broker
    this.#options = options
    this.#callIn(0)
  }

  /** A session has joined. If it has a key, it holds the key's lease. */
  enter(key: string | undefined, acked: boolean): void {
    this.#readers++
    if (key !== undefined) this.#count(key, acked, 1)
  }

  leave(key: string | undefined, acked: boolean): void {
    this.#readers--
    if (key !== undefined) this.#count(key, acked, -1)
    else if (this.#readers === 0) this.#callIn(0)
  }

  /** Sends the last changes to the broker. Rejects with `Unavailable`. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#calling
    if (this.#changed.size > 0) await this.#keep(this.#holds(this.#changed))
  }

  #count(key: string, acked: boolean, by: 1 | -1): void {
    const sessions = this.#sessions.get(key) ?? { held: 0, acked: 0 }
    sessions[acked ? 'acked' : 'held'] += by
    if (sessions.held + sessions.acked > 0) this.#sessions.set(key, sessions)
    else this.#sessions.delete(key)
    this.#changed.add(key)
    this.#callIn(0)
  }

  #callIn(ms: number): void {
    if (this.#calling || this.#isStopped) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#calling = this.#call().then(nextMs => {
        this.#calling = null
        // A session may have joined during the call.
        if (nextMs === null && this.#readers === 0 && this.#changed.size === 0) this.#options.onIdle()
        else this.#callIn(nextMs ?? 0)
      })
    }, ms)
  }

  /** Returns the milliseconds until the next call, or null if none is needed. */
  async #call(): Promise<number | null> {
    const now = performance.now()
    const isRenewal = now + this.#intervalMs >= this.#renewAt
    const renewAt = isRenewal ? now + this.#options.leaseMs / 3 : this.#renewAt
    const changed = [...this.#changed]
    const holds = this.#holds(isRenewal ? [...changed, ...this.#heldKeys()] : changed)
    this.#changed.clear()
    try {
      const { head, nextEndMs } = await this.#keep(holds)
      this.#renewAt = renewAt
      if (holds.some(({ state }) => state === 'released')) {
        this.#watchUntil = performance.now() + this.#options.graceMs
      }
      this.#options.onHead(head)
      return this.#changed.size > 0 ? 0 : this.#nextCallMs(nextEndMs)
    } catch (error) {
      for (const key of changed) this.#changed.add(key)
      if (error instanceof Unavailable) return retryMs
      // A bug. The leases survive it if the next renewal succeeds, so that is soon enough to try again.
      this.#options.onError(error)
      this.#renewAt = renewAt
      return this.#options.leaseMs / 3
    }
  }

  #nextCallMs(nextEndMs: number | null): number | null {
    const isNeeded = this.#readers > 0 || (nextEndMs !== null && performance.now() <= this.#watchUntil)
    if (!isNeeded) return null
    const waitMs = aligned(this.#intervalMs)
    // The end of a lease is not aligned, because readers wait for its announcement.
    return nextEndMs === null ? waitMs : Math.min(waitMs, nextEndMs + 1)
  }

  get #intervalMs(): number {
    const { historyTtlMs, leaseMs } = this.#options
    return Math.min(maxIntervalMs, historyTtlMs / 3, leaseMs / 3)
  }

  #keep(holds: Hold[]): Promise<KeepResult> {
    const { topic, holder } = this.#options
    return this.#broker.keep(topic, holder, holds, this.#readers > 0)
  }

  /** The keys to renew. Acked leases are renewed by the clients' own requests. */
  #heldKeys(): string[] {
    return [...this.#sessions].filter(([, { held }]) => held > 0).map(([key]) => key)
  }

  #holds(keys: Iterable<string>): Hold[] {
    return [...new Set(keys)].map(key => {
      const sessions = this.#sessions.get(key)
      return { key, state: sessions ? (sessions.held > 0 ? 'held' : 'acked') : 'released' }
    })
  }
}

function aligned(ms: number): number {
  if (ms < minAlignedMs) return ms
  const now = performance.now()
  return Math.ceil((now + ms) / alignMs) * alignMs - now
}
