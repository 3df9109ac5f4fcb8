/**
 * One open response: a reader of one topic, whose state is a position in the topic's replay buffer.
 *
 * Nothing is queued for a session. It is written the frames between its position and the end of the buffer, as many as
 * its socket takes. A full socket is left alone until it drains, and then the session continues from the same position.
 * So the server holds at most one chunk or snapshot and the socket's own buffer for it, and catching up works the same
 * way whatever made the session fall behind.
 */
import { heartbeat, reconnectLine } from './frame.ts'
import type { ReplayBuffer } from './replay-buffer.ts'
import type { Snapshot } from './snapshot-cache.ts'
import type { HubStats } from './stats.ts'
import type { Format, SnapshotReason } from './topic-format.ts'

/** The topic that a session reads, as this instance knows it. */
export interface Source {
  readonly format: Format
  readonly stats: HubStats
  /** Replaced by a new buffer when the topic is reset. */
  readonly buffer: ReplayBuffer
  readonly isOver: boolean
  snapshot(reason: SnapshotReason): Snapshot
}

/** The connection that a session writes to. The response has begun and ends with the connection. A socket is a sink. */
export interface Sink {
  /** Returns false if the connection takes no more until it emits `drain`. */
  write(bytes: Buffer | string): boolean
  cork(): void
  uncork(): void
  destroy(): void
  /** Closes the connection once everything is written. */
  destroySoon(): void
  setTimeout(ms: number): unknown
  on(event: 'drain' | 'timeout' | 'close', listener: () => void): unknown
  /** Marks the response as complete, if its framing can say so. Nothing is written after that. */
  complete?(): void
}

/**
 * Why a stream ended: the client left, the topic is over, the stream reached its age, the socket took no bytes for too
 * long, or the server is draining.
 */
export type Ending = 'client' | 'over' | 'age' | 'stalled' | 'drained'

export interface SessionOptions {
  heartbeatMs: number
  /** How long a full socket may take no bytes. */
  stallMs: number
  /** The session ends after this time. */
  ageMs: number
  /** Whether the client must answer a ping at every heartbeat. */
  ack: boolean
  onClose(ending: Ending): void
}

/**
 * Some proxies (virus scanners, Varnish) hold each piece of a response back until the next one arrives. A second piece, this
 * long after the first, makes them pass the first on.
 */
const secondPieceMs = 100

export class Session {
  readonly #source: Source
  readonly #sink: Sink
  readonly #options: SessionOptions
  readonly #endsAt: number
  /** The position: the number of the next frame, in this buffer. */
  #buffer: ReplayBuffer
  #next: number
  /** Why the position is useless, so that a snapshot comes next. */
  #lost: SnapshotReason | null
  #isFull = false
  #writtenAt: number
  #pingedAt: number
  /** When the second piece is due; infinite once it was written. */
  #secondPieceAt: number
  #ending: Ending = 'client'
  #hasEnded = false

  /** `next`: the position to resume from, or null to begin with a snapshot for `reason`. */
  constructor(source: Source, sink: Sink, next: number | null, reason: SnapshotReason, options: SessionOptions) {
    const now = performance.now()
    this.#source = source
    this.#sink = sink
    this.#options = options
    this.#endsAt = now + options.ageMs
    this.#writtenAt = this.#pingedAt = now
    this.#secondPieceAt = now + secondPieceMs
    this.#buffer = source.buffer
    this.#next = next ?? 0
    this.#lost = next === null ? reason : null
    sink.on('drain', () => {
      this.#isFull = false
      sink.setTimeout(0)
      this.pump(performance.now())
    })
    // The timeout is set only while the socket is full and for the last bytes, so it means that the socket takes nothing.
    sink.on('timeout', () => {
      this.#ending = 'stalled'
      sink.destroy()
    })
    sink.on('close', () => options.onClose(this.#ending))
    sink.cork()
    this.#write(reconnectLine())
    if (next !== null) this.#write(source.format.resumed(source.buffer.end - next))
    this.pump(performance.now())
    sink.uncork()
  }

  get isBehind(): boolean {
    return this.#isFull
  }

  /** Writes the frames that the session lacks until there are no more or the socket is full. */
  pump(now: number): void {
    const { buffer } = this.#source
    if (buffer !== this.#buffer) {
      this.#buffer = buffer
      this.#lost = 'reset'
    }
    while (!this.#isFull && !this.#hasEnded) {
      if (this.#next < buffer.start) this.#lost ??= 'behind'
      if (this.#lost) {
        const reason = this.#lost
        this.#lost = null
        this.#source.stats.snapshots[reason]++
        const { bytes, end } = this.#source.snapshot(reason)
        this.#next = end
        this.#write(bytes, now)
      } else if (this.#next < buffer.end) {
        const { bytes, to } = buffer.chunk(this.#next)
        this.#source.stats.deliveries += to - this.#next
        this.#next = to
        this.#write(bytes, now)
      } else if (this.#source.isOver) this.end('over')
      else return
    }
  }

  /** Called regularly: ends the session at its age, and sends heartbeats and pings. */
  tick(now: number): void {
    if (this.#hasEnded) return
    if (now >= this.#endsAt) return this.end('age')
    const { heartbeatMs, ack } = this.#options
    if (this.#isFull) return
    const isDue = now >= (ack ? this.#pingedAt : this.#writtenAt) + heartbeatMs
    if (isDue) {
      this.#pingedAt = now
      this.#write(ack ? this.#source.format.ping : heartbeat, now)
    } else if (now >= this.#secondPieceAt) this.#write(heartbeat, now)
    if (now >= this.#secondPieceAt) this.#secondPieceAt = Number.POSITIVE_INFINITY
  }

  /** Ends the response with a fresh, random `retry:`, so that clients reconnect spread out. */
  end(ending: Ending): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#ending = ending
    this.#write(reconnectLine())
    // The client may not take the last bytes either.
    this.#sink.setTimeout(this.#options.stallMs)
    // After any other end the client has to come back for the rest.
    if (ending === 'over') this.#sink.complete?.()
    this.#sink.destroySoon()
  }

  /** Closes the connection at once. */
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
