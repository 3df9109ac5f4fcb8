/**
 * One topic of the memory broker. It does the same as `redis/lua/includes/topic.lua` and the scripts that use it.
 *
 * Every step runs between `begin` and `commit`, synchronously.
 */
import {
  type BrokerOptions,
  beginning,
  compareIds,
  type Draft,
  type Event,
  type EventId,
  type History,
  type Hold,
  type KeepResult,
  type Latest,
  parseId,
  type Receipt,
} from '../broker.ts'
import { isHeld, type Lease, lastToEnd, poster } from './memory-lease.ts'

interface Value {
  id: EventId
  value: string
  seq: number | undefined
  setAt: number
}

export class MemoryTopic {
  readonly #values = new Map<string, Value>()
  readonly #leases = new Map<string, Map<string, Lease>>()
  /** Until when a key is removed at once when its last holder releases it. */
  readonly #closingUntil = new Map<string, number>()
  #log: Event[] = []
  /** The id before the log's first event; null once events were dropped from the log. */
  #before: EventId | null = beginning
  /** Whether this step started a new log after a gap, which has to be announced. */
  #isNew = false
  /** When the log is dropped. If this is in the past, there is no log. */
  #idleAt = 0
  #options: BrokerOptions = { historyLength: 0, historyTtlMs: 0, leaseMs: 0, graceMs: 0 }
  #head = beginning
  /** When this step began, by the monotonic clock: setting the system's clock must not end a lease. */
  #now = 0
  /** No lease ends before this. */
  #nextEnd = Number.POSITIVE_INFINITY
  #added: Event[] = []

  get isEmpty(): boolean {
    return this.#log.length === 0 && this.#values.size === 0 && this.#leases.size === 0
  }

  /** Starts a step. Returns the head before it. */
  begin(options: BrokerOptions): EventId {
    this.#now = performance.now()
    this.#options = options
    this.#added = []
    if (this.#now >= this.#idleAt) this.#beginLog()
    const head = this.#head
    this.#expire()
    return head
  }

  /** Ends a step. Returns the events to announce, or null if there is nothing to announce. */
  commit(): Event[] | null {
    const { historyLength, historyTtlMs } = this.#options
    if (this.#added.length === 0 && !this.#isNew) return null
    this.#isNew = false
    this.#idleAt = this.#now + historyTtlMs
    // In Redis, a log that starts again has an entry for the gap. It counts here, too.
    const entries = this.#log.length + (this.#before === null || this.#before === beginning ? 0 : 1)
    if (entries > historyLength) {
      while (this.#log.length > historyLength) this.#log.shift()
      this.#before = null
    }
    return this.#added
  }

  /** Publishes all drafts or, if the topic would have too many keys, none. */
  publishAll(drafts: Draft[]): Receipt[] | null {
    return this.#hasRoomFor(drafts) ? drafts.map(draft => this.#publish(draft)) : null
  }

  #hasRoomFor(drafts: Draft[]): boolean {
    const { maxKeys = Number.POSITIVE_INFINITY } = this.#options
    if (this.#values.size + drafts.length <= maxKeys) return true
    const added = new Set(drafts.map(({ key }) => key).filter(key => !this.#values.has(key)))
    return added.size === 0 || this.#values.size + added.size <= maxKeys
  }

  #publish({ key, value, seq }: Draft): Receipt {
    const old = this.#values.get(key)
    if (old?.seq !== undefined && seq !== undefined && seq <= old.seq) {
      // A stale draft renews the lease all the same.
      this.#post(key)
      return { id: old.id, stale: true }
    }
    const id = this.#append(key, value, '')
    this.#values.set(key, { id, value, seq: seq ?? old?.seq, setAt: this.#now })
    this.#post(key)
    return { id, stale: false }
  }

  append(key: string, seq: number, values: string[]): boolean {
    const stored = this.#values.get(key)
    if (!stored) return false
    const known = stored.seq ?? seq - 1
    values.forEach((value, i) => {
      if (seq + i <= known) return
      this.#values.set(key, { id: this.#append(key, value, ''), value, seq: seq + i, setAt: this.#now })
    })
    return true
  }

  remove(key: string, reason: string): EventId {
    if (this.#values.delete(key)) this.#append(key, null, reason)
    if (this.#leases.get(key)?.has(poster)) this.#leases.delete(key)
    return this.#head
  }

  latest(): Latest {
    return { head: this.#head, entries: [...this.#values].map(([key, { id, value }]) => ({ id, key, value })) }
  }

  history(id: EventId): History {
    if (id === this.#before || id === beginning) return { recovered: id === this.#before, events: [...this.#log] }
    const at = this.#log.findIndex(event => event.id === id)
    return { recovered: at >= 0, events: this.#log.slice(at + 1) }
  }

  endGrace(key: string): EventId {
    if (isHeld(this.#leasesOf(key))) this.#closingUntil.set(key, this.#now + this.#options.graceMs)
    else this.#removeClosed(key)
    return this.#head
  }

  #removeClosed(key: string): void {
    if (this.#values.delete(key)) this.#append(key, null, 'closed')
    this.#leases.delete(key)
    this.#closingUntil.delete(key)
  }

  keep(holder: string, holds: Hold[], isOpen: boolean): KeepResult {
    if (isOpen && this.#now < this.#idleAt) this.#idleAt = this.#now + this.#options.historyTtlMs
    for (const { key, state } of holds) {
      const leases = this.#leasesOf(key)
      leases.delete(poster)
      leases.delete(holder)
      if (state !== 'released') {
        // The key has a holder again, so the grace periods of earlier holders are void.
        for (const [name, lease] of leases) if (lease.state === 'released') leases.delete(name)
        this.#lease(key, holder, state, this.#options.leaseMs)
      } else if (!isHeld(leases)) {
        if ((this.#closingUntil.get(key) ?? 0) > this.#now) this.#removeClosed(key)
        else this.#lease(key, holder, state, this.#options.graceMs)
      }
    }
    this.#nextEnd = this.#earliestEnd()
    return { head: this.#head, nextEndMs: Number.isFinite(this.#nextEnd) ? this.#nextEnd - this.#now : null }
  }

  alive(key: string): void {
    const acked = [...this.#leasesOf(key)].filter(([, { state }]) => state === 'acked')
    for (const [holder] of acked) this.#lease(key, holder, 'acked', this.#options.leaseMs)
    if (acked.length === 0 && this.#values.has(key)) this.#post(key)
  }

  /** A post renews the lease of a key that no stream holds. */
  #post(key: string): void {
    const leases = this.#leasesOf(key)
    if (leases.size === 0 || leases.has(poster)) this.#lease(key, poster, 'posted', this.#options.leaseMs)
  }

  #lease(key: string, holder: string, state: Lease['state'], lengthMs: number): void {
    const endsAt = this.#now + lengthMs
    this.#leases.set(key, this.#leasesOf(key).set(holder, { state, endsAt }))
    this.#nextEnd = Math.min(this.#nextEnd, endsAt)
  }

  /** The leases on a key that have not ended. */
  #leasesOf(key: string): Map<string, Lease> {
    const leases = this.#leases.get(key) ?? new Map<string, Lease>()
    for (const [holder, { endsAt }] of leases) if (endsAt <= this.#now) leases.delete(holder)
    return leases
  }

  /** Removes the keys whose last lease has ended. */
  #expire(): void {
    if (this.#now < this.#nextEnd) return
    for (const [key, leases] of this.#leases) {
      const { state, endsAt } = lastToEnd(leases)
      if (endsAt > this.#now) continue
      this.#leases.delete(key)
      this.#closingUntil.delete(key)
      const stored = this.#values.get(key)
      if (!stored) continue
      const postedUntil = stored.setAt + this.#options.leaseMs
      if (state !== 'released' && postedUntil > this.#now) {
        this.#leases.set(key, new Map([[poster, { state: 'posted', endsAt: postedUntil }]]))
        continue
      }
      this.#values.delete(key)
      this.#append(key, null, state === 'released' ? 'closed' : 'expired')
    }
    this.#nextEnd = this.#earliestEnd()
  }

  #earliestEnd(): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const leases of this.#leases.values()) earliest = Math.min(earliest, lastToEnd(leases).endsAt)
    return earliest
  }

  #append(key: string, value: string | null, reason: string): EventId {
    const event = { id: this.#nextId(), key, value, reason }
    this.#log.push(event)
    this.#added.push(event)
    this.#head = event.id
    return event.id
  }

  #nextId(): EventId {
    const [ms, n] = parseId(this.#head)
    const now = Date.now()
    if (now > ms) return `${now}-${Math.floor(Math.random() * 2 ** 20)}`
    return `${ms}-${n + 1}`
  }

  /** Starts a log. If the topic still has values, an earlier log was dropped, and none of its ids is in the new one. */
  #beginLog(): void {
    this.#log = []
    this.#head = this.#newestValue()
    this.#isNew = this.#head !== beginning
    if (this.#isNew) this.#head = this.#nextId()
    this.#before = this.#head
  }

  #newestValue(): EventId {
    let newest = beginning
    for (const { id } of this.#values.values()) if (compareIds(id, newest) > 0) newest = id
    return newest
  }
}
