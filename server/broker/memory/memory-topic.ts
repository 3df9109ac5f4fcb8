/**
 * One topic of the memory broker: the counterpart, line by line, of `redis/topic.lua` and the scripts that follow it.
 *
 * Every step runs between `begin` and `commit`; nothing here waits.
 */
import {
  type BrokerOptions,
  beginning,
  type Draft,
  type Event,
  type EventId,
  type History,
  type Hold,
  isAbove,
  type Kept,
  type Latest,
  parts,
  type Receipt,
} from '../broker.ts'

interface Value {
  id: EventId
  value: string
  seq: number | undefined
  /** When it was set. */
  at: number
}

/** One holder's lease on a key. A `posted` lease is nobody's in particular: it came with a publish. */
interface Lease {
  as: 'posted' | 'held' | 'acked' | 'released'
  until: number
}

const poster = ''

export class MemoryTopic {
  readonly #values = new Map<string, Value>()
  readonly #leases = new Map<string, Map<string, Lease>>()
  #log: Event[] = []
  /** The id before the log's first event; null once that is not known any more. */
  #before: EventId | null = beginning
  #isNew = false
  /** When the log is dropped; in the past there is none. */
  #idleAt = 0
  #options: BrokerOptions = { historyLength: 0, historyTtlMs: 0, leaseMs: 0, graceMs: 0 }
  #head = beginning
  /** When this step began, by a clock that nobody sets. */
  #now = 0
  /** No lease runs out before this. */
  #nextEnd = Number.POSITIVE_INFINITY
  #added: Event[] = []

  get isEmpty(): boolean {
    return this.#log.length === 0 && this.#values.size === 0 && this.#leases.size === 0
  }

  /** Returns the head from which this step starts. */
  begin(options: BrokerOptions): EventId {
    this.#now = performance.now()
    this.#options = options
    this.#added = []
    if (this.#now >= this.#idleAt) this.#beginLog()
    const head = this.#head
    this.#expire()
    return head
  }

  /** Returns what is to be announced, or null: nothing is. */
  commit(): Event[] | null {
    const { historyLength, historyTtlMs } = this.#options
    if (this.#added.length === 0 && !this.#isNew) return null
    this.#isNew = false
    this.#idleAt = this.#now + historyTtlMs
    // Where a log begins anew, that is an entry, too.
    const entries = this.#log.length + (this.#before === null || this.#before === beginning ? 0 : 1)
    if (entries > historyLength) {
      this.#log.splice(0, this.#log.length - historyLength)
      this.#before = null
    }
    return this.#added
  }

  publish({ key, value, seq }: Draft): Receipt {
    const old = this.#values.get(key)
    if (old?.seq !== undefined && seq !== undefined && seq <= old.seq) {
      // It changes nothing, but it is a sign of life.
      this.#post(key)
      return { id: old.id, stale: true }
    }
    const id = this.#append(key, value, '')
    this.#values.set(key, { id, value, seq: seq ?? old?.seq, at: this.#now })
    this.#post(key)
    return { id, stale: false }
  }

  append(key: string, seq: number, values: string[]): boolean {
    const stored = this.#values.get(key)
    if (!stored) return false
    const known = stored.seq ?? seq - 1
    values.forEach((value, i) => {
      if (seq + i <= known) return
      this.#values.set(key, { id: this.#append(key, value, ''), value, seq: seq + i, at: this.#now })
    })
    return true
  }

  remove(key: string, reason: string): void {
    if (this.#values.delete(key)) this.#append(key, null, reason)
    if (this.#leases.get(key)?.has(poster)) this.#leases.delete(key)
  }

  latest(): Latest {
    return { head: this.#head, entries: [...this.#values].map(([key, { id, value }]) => ({ id, key, value })) }
  }

  history(id: EventId): History {
    if (id === this.#before || id === beginning) return { recovered: id === this.#before, events: [...this.#log] }
    const at = this.#log.findIndex(event => event.id === id)
    return { recovered: at >= 0, events: this.#log.slice(at + 1) }
  }

  keep(holder: string, holds: Hold[], isOpen: boolean): Kept {
    if (isOpen && this.#now < this.#idleAt) this.#idleAt = this.#now + this.#options.historyTtlMs
    for (const { key, as } of holds) {
      const leases = this.#leasesOf(key)
      leases.delete(poster)
      leases.delete(holder)
      if (as !== 'released') {
        // With somebody there, what others were given when they left means nothing any more.
        for (const [name, lease] of leases) if (lease.as === 'released') leases.delete(name)
        this.#lease(key, holder, as, this.#options.leaseMs)
      } else if (!isHeld(leases)) this.#lease(key, holder, as, this.#options.graceMs)
    }
    this.#nextEnd = this.#earliestEnd()
    return { head: this.#head, nextEndMs: Number.isFinite(this.#nextEnd) ? this.#nextEnd - this.#now : null }
  }

  alive(key: string): void {
    const acked = [...this.#leasesOf(key)].filter(([, { as }]) => as === 'acked')
    for (const [holder] of acked) this.#lease(key, holder, 'acked', this.#options.leaseMs)
    if (acked.length === 0 && this.#values.has(key)) this.#post(key)
  }

  /** Posting keeps those whom no stream keeps, or none any more. */
  #post(key: string): void {
    const leases = this.#leasesOf(key)
    if (leases.size === 0 || leases.has(poster)) this.#lease(key, poster, 'posted', this.#options.leaseMs)
  }

  #lease(key: string, holder: string, as: Lease['as'], lengthMs: number): void {
    const until = this.#now + lengthMs
    this.#leases.set(key, this.#leasesOf(key).set(holder, { as, until }))
    this.#nextEnd = Math.min(this.#nextEnd, until)
  }

  #leasesOf(key: string): Map<string, Lease> {
    const leases = this.#leases.get(key) ?? new Map<string, Lease>()
    for (const [holder, { until }] of leases) if (until <= this.#now) leases.delete(holder)
    return leases
  }

  #expire(): void {
    if (this.#now < this.#nextEnd) return
    for (const [key, leases] of this.#leases) {
      const { as, until } = last(leases)
      if (until > this.#now) continue
      this.#leases.delete(key)
      const stored = this.#values.get(key)
      if (!stored) continue
      const postedUntil = stored.at + this.#options.leaseMs
      if (as !== 'released' && postedUntil > this.#now) {
        this.#leases.set(key, new Map([[poster, { as: 'posted', until: postedUntil }]]))
        continue
      }
      this.#values.delete(key)
      this.#append(key, null, as === 'released' ? 'closed' : 'expired')
    }
    this.#nextEnd = this.#earliestEnd()
  }

  #earliestEnd(): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const leases of this.#leases.values()) earliest = Math.min(earliest, last(leases).until)
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
    const [ms, n] = parts(this.#head)
    const now = Date.now()
    if (now > ms) return `${now}-${Math.floor(Math.random() * 2 ** 20)}`
    return `${ms}-${n + 1}`
  }

  /** The last log is gone. If someone is still there, no position from then is in the new one. */
  #beginLog(): void {
    this.#log = []
    this.#head = this.#newestValue()
    this.#isNew = this.#head !== beginning
    if (this.#isNew) this.#head = this.#nextId()
    this.#before = this.#head
  }

  #newestValue(): EventId {
    let newest = beginning
    for (const { id } of this.#values.values()) if (isAbove(id, newest)) newest = id
    return newest
  }
}

function isHeld(leases: Map<string, Lease>): boolean {
  return [...leases.values()].some(({ as }) => as !== 'released')
}

/** The lease that runs out last decides. */
function last(leases: Map<string, Lease>): Lease {
  return [...leases.values()].reduce((a, b) => (b.until > a.until ? b : a))
}
