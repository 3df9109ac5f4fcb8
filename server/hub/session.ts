/**
 * One open response: a reader of one topic, as a number in its tail.
 *
 * Nothing is queued for it. It is written what lies between its number and the tail's end, as much as its socket takes;
 * a socket that is full is left alone until it drains, and then goes on from the same number. So the server holds for it
 * at most one chunk or snapshot and what the socket itself buffers, and catching up is the same whatever made it fall
 * behind.
 */
import type { Socket } from 'node:net'
import { heartbeat, reconnectLine } from './frame.ts'
import type { ReplayBuffer } from './replay-buffer.ts'
import type { HubStats } from './stats.ts'
import type { Format, SnapshotReason } from './topic-format.ts'
import type { Visited } from './wheel.ts'

/** What a session shows: its topic, as this instance sees it. */
export interface Source {
  readonly format: Format
  readonly stats: HubStats
  /** Another one once the topic began anew. */
  readonly tail: ReplayBuffer
  readonly isOver: boolean
  snapshot(reason: SnapshotReason): Snapshot
}

/** All that there was when the tail had this end. */
export interface Snapshot {
  readonly bytes: Buffer
  readonly end: number
}

/** Where a session writes: a connection on which the response has begun, and which ends with it. */
export type Sink = Pick<Socket, 'write' | 'cork' | 'uncork' | 'destroy' | 'destroySoon' | 'setTimeout' | 'on'>

/**
 * Why a stream ended: its client left, its topic or its time was over, its socket took nothing any more, or the server
 * is leaving.
 */
export type Ending = 'client' | 'over' | 'age' | 'stalled' | 'drained'

export interface SessionOptions {
  heartbeatMs: number
  stallMs: number
  /** When it ends, in milliseconds from now. */
  ageMs: number
  /** Whether the client is asked for a sign of life at every heartbeat. */
  ack: boolean
  onClose(ending: Ending): void
}

export class Session implements Visited {
  slot: Set<Visited> | undefined
  readonly #source: Source
  readonly #sink: Sink
  readonly #options: SessionOptions
  readonly #endsAt: number
  /** The number of the next frame. */
  #next = 0
  /** Why its number is worth nothing, if it is. */
  #lost: SnapshotReason | null
  #isFull = false
  #writtenAt = performance.now()
  #pingedAt = performance.now()
  #ending: Ending = 'client'
  #hasEnded = false

  /** `next`: where to go on, or null to begin with a snapshot for `reason`. */
  constructor(source: Source, sink: Sink, next: number | null, reason: SnapshotReason, options: SessionOptions) {
    this.#source = source
    this.#sink = sink
    this.#options = options
    this.#endsAt = performance.now() + options.ageMs
    this.#lost = next === null ? reason : null
    sink.on('drain', () => {
      this.#isFull = false
      sink.setTimeout(0)
      this.pump(performance.now())
    })
    // Set only while the socket is full, and for its last bytes: it takes nothing.
    sink.on('timeout', () => {
      this.#ending = 'stalled'
      sink.destroy()
    })
    sink.on('close', () => options.onClose(this.#ending))
    sink.cork()
    this.#write(reconnectLine())
    if (next !== null) {
      this.#next = next
      this.#write(source.format.resumed(source.tail.end - next))
    }
    this.pump(performance.now())
    sink.uncork()
  }

  get isBehind(): boolean {
    return this.#isFull
  }

  /** Its number means nothing any more: the log is another one. */
  reset(): void {
    this.#lost = 'reset'
  }

  /** Writes what is missing, until there is nothing more or the socket is full. */
  pump(now: number): void {
    const { tail } = this.#source
    while (!this.#isFull && !this.#hasEnded) {
      if (this.#next < tail.start) this.#lost ??= 'behind'
      if (this.#lost) {
        const reason = this.#lost
        this.#lost = null
        const { bytes, end } = this.#source.snapshot(reason)
        this.#next = end
        this.#write(bytes, now)
      } else if (this.#next < tail.end) {
        const { bytes, to } = tail.chunk(this.#next)
        this.#source.stats.deliveries += to - this.#next
        this.#next = to
        this.#write(bytes, now)
      } else if (this.#source.isOver) this.end('over')
      else return
    }
  }

  visit(now: number): number {
    if (now >= this.#endsAt) this.end('age')
    const { heartbeatMs, ack } = this.#options
    if (this.#hasEnded) return heartbeatMs
    let dueAt = (ack ? this.#pingedAt : this.#writtenAt) + heartbeatMs
    if (now >= dueAt && !this.#isFull) {
      this.#pingedAt = now
      this.#write(ack ? this.#source.format.ping : heartbeat, now)
    }
    if (now >= dueAt) dueAt = now + heartbeatMs
    return Math.min(this.#endsAt, dueAt) - now
  }

  /** Ends it so that its client comes back after a while, each after another. */
  end(ending: Ending): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#ending = ending
    this.#write(reconnectLine())
    // Its client may take nothing of this, either.
    this.#sink.setTimeout(this.#options.stallMs)
    this.#sink.destroySoon()
  }

  cut(): void {
    this.#sink.destroy()
  }

  #write(bytes: Buffer | string, now = performance.now()): void {
    if (bytes.length === 0) return
    this.#writtenAt = now
    this.#source.stats.bytes += bytes.length
    if (this.#sink.write(bytes)) return
    this.#isFull = true
    this.#sink.setTimeout(this.#options.stallMs)
  }
}
