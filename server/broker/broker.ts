/**
 * What the rest of the server needs of a store. For each topic: an ordered, bounded history of events, the latest value
 * of each key, and the leases that keep those values. A broker knows nothing of HTTP, event streams or what a value means.
 *
 * Invariant: an event is in the history before any subscriber receives it, and all subscribers receive the same events
 * in the same order.
 */

/**
 * `<ms>-<n>`: milliseconds since 1970 by the log's clock, and a number that starts at random, so that another log does
 * not create the same id in the same millisecond.
 */
export type EventId = string

/** The id before the first event. */
export const beginning: EventId = '0-0'

export function isId(id: string): boolean {
  return /^\d{1,15}-\d{1,15}$/.test(id)
}

/** Returns the two numbers of an id. For a string that is not an id, at least one of them is NaN. */
export function parseId(id: string): [ms: number, n: number] {
  const dash = id.indexOf('-')
  return dash < 0 ? [Number.NaN, Number.NaN] : [Number(id.slice(0, dash)), Number(id.slice(dash + 1))]
}

/** Negative if `a` is older than `b` in the same log, positive if it is newer. NaN if one of them is not an id. */
export function compareIds(a: string, b: string): number {
  const [aMs, aN] = parseId(a)
  const [bMs, bN] = parseId(b)
  return aMs === bMs ? aN - bN : aMs - bMs
}

/** An event sets its key's value, or removes the key (`value: null`) and says why. */
export interface Event {
  readonly id: EventId
  readonly key: string
  readonly value: string | null
  /** Why the key was removed; empty for a value. */
  readonly reason: string
}

/** A value to publish. Values are sent as lines: `key` and `value` must not contain a line break, and `key` no tab. */
export interface Draft {
  key: string
  value: string
  /** A draft is stale, and is not published, if its `seq` is not greater than the one stored for its key. */
  seq?: number | undefined
}

/** The outcome of a draft: the id of its event or, for a stale draft, of the event that set the current value. */
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

/** A topic at one instant. `head` is the id of its last event. */
export interface Latest {
  head: EventId
  entries: Entry[]
}

/**
 * The events after an id. `recovered: false`: that very entry is no longer in the history, so events between it and the
 * history may be missing; `events` is then the whole history.
 */
export interface History {
  recovered: boolean
  events: Event[]
}

/**
 * A holder's relation to a key. `held`: the holder keeps the lease by calling `keep` again. `acked`: only `alive` keeps
 * the lease. `released`: the holder gives the lease up; unless there is another holder, the key is removed (`closed`)
 * after the grace period.
 */
export type Hold = { key: string; state: 'held' | 'acked' | 'released' }

/** The topic's head, and the milliseconds until the next lease ends, if there is a lease. */
export interface KeepResult {
  head: EventId
  nextEndMs: number | null
}

/** Receives a topic's events. Must not throw. */
export interface Subscriber {
  /** New events, in order, and the id of the event before the first of them. No events: the log starts again after that id. */
  announced(after: EventId, events: Event[]): void
  /** Announcements may have been lost: the subscriber should read the history after its own head. */
  interrupted(): void
}

/** Times are in milliseconds, by the log's clock. */
export interface BrokerOptions {
  /** How many events a history keeps. */
  historyLength: number
  /** A topic without publishers and readers is dropped after this time. */
  historyTtlMs: number
  /** How long a key stays without a renewal of its lease. */
  leaseMs: number
  /** How long a released key stays. */
  graceMs: number
  /** How many keys a topic holds at most. Without it there is no limit. */
  maxKeys?: number
}

/** The store did not answer in time, or refused. The operation may have been done; it will not be done later. */
export class Unavailable extends Error {
  readonly code = 'unavailable'
}

/** For `.catch`: ignores that the store is unavailable, which is expected, and passes every other error to `onError`. */
export function unlessUnavailable(onError: (error: unknown) => void): (error: unknown) => void {
  return error => {
    if (!(error instanceof Unavailable)) onError(error)
  }
}

export interface Broker {
  /**
   * Appends each draft, sets its key's value and, if the key has no holder, its lease, and announces the events, in one
   * atomic step. Resolves once everything is stored; with null if the topic would then have more than `maxKeys` keys, and
   * nothing was stored. Drafts of existing keys are always stored. Rejects with `Unavailable`.
   */
  publish(topic: string, drafts: Draft[]): Promise<Receipt[] | null>
  /**
   * Appends the next values of an existing key and announces them. `seq` is the number of the first value. Values that
   * were appended before are skipped, so the call may be repeated after a rejection. Returns false if the key does not
   * exist; then nothing was appended.
   */
  append(topic: string, key: string, seq: number, values: string[]): Promise<boolean>
  /** Removes a key at once, if it exists. Resolves with the topic's head. */
  remove(topic: string, key: string, reason: string): Promise<EventId>
  /**
   * Removes a key (`closed`) without a grace period: at once if no holder has it, else as soon as its last holder releases
   * it, if that happens within the grace time. Resolves with the topic's head.
   */
  endGrace(topic: string, key: string): Promise<EventId>
  /** Returns every key's value, after removing and announcing keys whose lease has ended. */
  latest(topic: string): Promise<Latest>
  /** Returns the events after `id`. After `beginning` that is the whole history, recovered if nothing was dropped from it. */
  history(topic: string, id: EventId): Promise<History>
  /**
   * Records the holder's relation to these keys, and removes keys whose lease has ended (`expired`, or `closed` after a
   * grace period). `isOpen`: the topic has readers at this holder, so it is not idle.
   */
  keep(topic: string, holder: string, holds: Hold[], isOpen: boolean): Promise<KeepResult>
  /** Renews the lease of a key, on behalf of the client that the key stands for. */
  alive(topic: string, key: string): Promise<void>
  /** Resolves once every later event will be announced to `subscriber`, with a function that ends the subscription. */
  subscribe(topic: string, subscriber: Subscriber): Promise<() => void>
}
