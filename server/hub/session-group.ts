/**
 * The sessions of one topic on this instance. They are brought up to date in passes over all of them. A pass may pause
 * after any session and continue later, so that a large topic does not delay the others.
 */
import type { Flushable, FlushResult } from './flush-scheduler.ts'
import type { ReplayBuffer } from './replay-buffer.ts'
import type { Session, Source } from './session.ts'

export class SessionGroup implements Flushable {
  readonly #sessions = new Set<Session>()
  readonly #source: Source
  /** The sessions that the current pass has not reached yet; null between passes. */
  #pass: Iterator<Session> | null = null
  #buffer: ReplayBuffer
  /** The end of the buffer when the current pass started, and when the last one did. */
  #reached = 0
  #flushed = 0

  constructor(source: Source) {
    this.#source = source
    this.#buffer = source.buffer
  }

  add(session: Session): void {
    this.#sessions.add(session)
  }

  delete(session: Session): void {
    this.#sessions.delete(session)
  }

  /** Writes to every session that can take more. A session that is late in the pass also gets what arrived during it. */
  flush(until: number): FlushResult {
    const pass = this.#pass ?? this.#startPass()
    let now = performance.now()
    for (let next = pass.next(); !next.done; next = pass.next()) {
      next.value.pump(now)
      now = performance.now()
      if (now >= until) return 'paused'
    }
    return this.#finishPass()
  }

  #startPass(): Iterator<Session> {
    const { buffer } = this.#source
    if (buffer !== this.#buffer) this.#flushed = 0
    this.#buffer = buffer
    this.#reached = buffer.end
    this.#pass = this.#sessions.values()
    return this.#pass
  }

  #finishPass(): FlushResult {
    this.#pass = null
    const { buffer, stats } = this.#source
    // The topic was reset during the pass, so the numbers of this pass mean nothing in the new buffer.
    if (buffer !== this.#buffer) return 'more'
    if (this.#flushed < this.#reached) stats.onFlush(Date.now() - buffer.publishedAt(this.#flushed))
    this.#flushed = this.#reached
    buffer.trim(this.#reached)
    return buffer.end > this.#reached ? 'more' : 'finished'
  }
}
