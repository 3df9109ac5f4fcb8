/**
 * Orders a topic's readings of the broker. They run one at a time, and callers that ask for the same reading before it
 * has started share it. Announcements that arrive during a reading are held until it has finished.
 */
import type { Event, EventId } from '../broker/broker.ts'

/** What to read: the whole topic, the history after this instance's head, or older history for a reader that returns. */
export type Reading = 'whole topic' | 'after head' | 'older'

interface Announcement {
  after: EventId
  events: Event[]
}

/** How much may be held during a reading. */
const maxHeldBytes = 4 * 1024 * 1024
/** Replaces the held announcements past that limit. It follows no head, so it causes a reading of what was dropped. */
const lostAnnouncement: Announcement = { after: '', events: [] }
const retryMs = 250

export class CatchUpQueue {
  readonly #release: (after: EventId, events: Event[]) => void
  /** Null while nothing is being read. Announcements are held from the start, until the first reading has finished. */
  #held: Announcement[] | null = []
  #heldBytes = 0
  #last: Promise<unknown> = Promise.resolve()
  readonly #queued = new Map<Reading, Promise<void>>()
  #retry: NodeJS.Timeout | undefined
  #isClosed = false

  /** `release` receives the held announcements, in order, after each reading. */
  constructor(release: (after: EventId, events: Event[]) => void) {
    this.#release = release
  }

  /** Holds an announcement if a reading is under way. Returns whether it did. */
  hold(after: EventId, events: Event[]): boolean {
    if (!this.#held) return false
    for (const { id, key, value } of events) this.#heldBytes += Buffer.byteLength(id + key + (value ?? ''))
    if (this.#heldBytes > maxHeldBytes) this.#held = [lostAnnouncement]
    else this.#held.push({ after, events })
    return true
  }

  /** Runs `read` after the readings before it. Rejects as `read` does. */
  run(reading: Reading, read: () => Promise<void>): Promise<void> {
    const queued = this.#queued.get(reading)
    if (queued) return queued
    const turn = this.#last.then(async () => {
      this.#queued.delete(reading)
      if (this.#isClosed) return
      this.#held ??= []
      try {
        await read()
      } finally {
        this.#releaseHeld()
      }
    })
    this.#queued.set(reading, turn)
    // A reading's failure concerns its own callers, not the next reading.
    this.#last = turn.catch(() => {})
    return turn
  }

  /** Calls `request` after a pause. The pause is random, so that a topic's instances do not return to the store together. */
  retryLater(request: () => void): void {
    if (this.#isClosed) return
    clearTimeout(this.#retry)
    this.#retry = setTimeout(request, retryMs * (1 + Math.random())).unref()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#retry)
  }

  #releaseHeld(): void {
    const held = this.#held ?? []
    this.#held = null
    this.#heldBytes = 0
    for (const { after, events } of held) this.#release(after, events)
  }
}
