/**
 * The log behind everything: for each topic an ordered, bounded history of events, the latest value of each key in it,
 * and the leases that keep those values there. Knows nothing of HTTP, of event streams, or of what a value means.
 *
 * Invariant: an event is in the history before anybody hears of it, and everybody reads the same events in the same order.
 */

/**
 * `<ms>-<n>`: the log's clock in milliseconds since 1970, and a number drawn so that no other log makes the same id in
 * the same millisecond.
 */
export type EventId = string

/** The id before the first event. */
export const beginning: EventId = '0-0'

export function isId(id: string): boolean {
  return /^\d{1,15}-\d{1,15}$/.test(id)
}

/** The numbers of an id; what is no id has none, and is above nothing. */
export function parts(id: string): [ms: number, n: number] {
  const [ms = Number.NaN, n = Number.NaN] = id.split('-').map(Number)
  return [ms, n]
}

/** Whether an event came after another of the same log. */
export function isAbove(a: string, b: string): boolean {
  const [aMs, aN] = parts(a)
  const [bMs, bN] = parts(b)
  return aMs > bMs || (aMs === bMs && aN > bN)
}

/** An event sets its key's value, or removes the key (`value: null`) and says why. */
export interface Event {
  readonly id: EventId
  readonly key: string
  readonly value: string | null
  /** Why the key was removed; empty for a value. */
  readonly reason: string
}

/** A value to be published. Neither `key` nor `value` may have a control character: they travel in lines. */
export interface Draft {
  key: string
  value: string
  /** A draft whose `seq` is not above the one its key has is stale: it is not published. */
  seq?: number | undefined
}

/** What became of a draft: the id of its event or, when it was stale, of the one that stands. */
export interface Receipt {
  id: EventId
  stale: boolean
}

/** A key's value and the event that set it. */
export interface Entry {
  id: EventId
  key: string
  value: string
}

/** A topic at one instant: `head` is the id of its last event. */
export interface Latest {
  head: EventId
  entries: Entry[]
}

/**
 * What came after an id. `recovered: false`: that very entry is no longer in the history, so nothing can be said of
 * what followed it; `events` are then all that the history has.
 */
export interface History {
  recovered: boolean
  events: Event[]
}

/**
 * How a holder stands to a key. `held`: it keeps the lease by calling again. `acked`: the lease is kept by `alive` alone.
 * `released`: it lets go; unless another holder is there, the key is removed (`closed`) after the grace.
 */
export type Hold = { key: string; as: 'held' | 'acked' | 'released' }

/** A topic as `keep` found it: its head, and the milliseconds until the next lease runs out, if there is one. */
export interface Kept {
  head: EventId
  nextEndMs: number | null
}

/** Hears of a topic's events. Must not throw. */
export interface Subscriber {
  /** New events, in order, and the id of the event before the first of them. None: the log begins anew after that id. */
  announced(after: EventId, events: Event[]): void
  /** Announcements may have been lost: whoever follows should read the history from what they have. */
  interrupted(): void
}

/** Lengths of time in milliseconds, by the log's clock. */
export interface BrokerOptions {
  /** Events that a history keeps. */
  historyLength: number
  /** A history that nobody publishes to or keeps is dropped after this. */
  historyTtlMs: number
  /** How long a key stays without a sign of life. */
  leaseMs: number
  /** How long a released key stays. */
  graceMs: number
}

/** The store did not answer in time, or refused. What was asked for may have been done; it will not be done later. */
export class Unavailable extends Error {
  readonly code = 'unavailable'
}

export interface Broker {
  /**
   * Appends each draft, sets its key's value and, for a key that nobody holds, its lease; then announces them: one step,
   * taken whole or not at all. Resolves once all is stored. Rejects with `Unavailable`.
   */
  publish(topic: string, drafts: Draft[]): Promise<Receipt[]>
  /**
   * Goes on with a key that is there, whoever holds it: appends its next values, the first of which is its `seq`th, and
   * announces them. Those that were appended before are passed over, so after a rejection it may be called again.
   * False: the key is not there, and nothing was appended.
   */
  append(topic: string, key: string, seq: number, values: string[]): Promise<boolean>
  /** Removes a key at once; a key that is not there is none of its business. */
  remove(topic: string, key: string, reason: string): Promise<void>
  /** Every key's value. Removes first, and announces, what has outlived its lease. */
  latest(topic: string): Promise<Latest>
  /** What came after `id`; after `beginning` it is the whole history, recovered if none of it was dropped. */
  history(topic: string, id: EventId): Promise<History>
  /**
   * Records how `holder` stands to these keys, and removes what has outlived its lease (`expired`, or `closed` after a
   * grace). `isOpen`: somebody reads the topic at this holder, which keeps it from idling.
   */
  keep(topic: string, holder: string, holds: Hold[], isOpen: boolean): Promise<Kept>
  /** A sign of life from whoever the key stands for. */
  alive(topic: string, key: string): Promise<void>
  /** Resolves once every later event is announced to `subscriber`; the function it gives ends that. */
  subscribe(topic: string, subscriber: Subscriber): Promise<() => void>
}
