/**
 * The readers of one topic, and how they are brought up to date: in passes over all of them. A pass may pause after any
 * reader and go on later, so that those of a large room keep nobody else waiting.
 */
import type { FlushScheduler } from './flush-scheduler.ts'
import type { Session, Source } from './session.ts'

/**
 * What is kept for those whom a pass has not come to, in characters, which are at most three bytes each; past that they
 * are told that they are behind.
 */
const maxLateLength = 16 * 1024 * 1024

export class SessionGroup {
  /** For the scheduler: when the last pass began, how long it took, and when there may be another turn. */
  readonly pace = { begunAt: 0, tookMs: 0, dueAt: 0 }
  readonly #sessions = new Set<Session>()
  readonly #source: Source
  readonly #scheduler: FlushScheduler
  /** Those that this pass has not come to yet. */
  #pass: Iterator<Session> | null = null
  /** Where everyone is, at least, at the end of this pass. */
  #reached = 0
  /** Of what came since this pass began. */
  #lateLength = 0
  /** Whether there is something that no pass has begun with. */
  #isStale = false
  /** When the oldest event that was not written to everyone was published: of this pass, and of the next. */
  #flushingSince: number | null = null
  #unflushedSince: number | null = null

  constructor(source: Source, scheduler: FlushScheduler) {
    this.#source = source
    this.#scheduler = scheduler
  }

  add(session: Session): void {
    this.#sessions.add(session)
  }

  delete(session: Session): void {
    this.#sessions.delete(session)
  }

  /** There is more for them in the tail, of that length, the oldest of it published then, in milliseconds since 1970. */
  wake(publishedAt: number, length: number): void {
    const { tail } = this.#source
    this.#lateLength += length
    if (this.#lateLength > maxLateLength) tail.trim(tail.end)
    this.#unflushedSince ??= publishedAt
    this.#isStale = true
    this.#scheduler.wake(this)
  }

  /** Their topic began anew, and each is told so. */
  reset(): void {
    for (const session of this.#sessions) session.reset()
    this.#reached = this.#lateLength = 0
    this.#isStale = true
    this.#scheduler.wake(this)
  }

  /** Whether a pass has begun and not ended. */
  get isUnderWay(): boolean {
    return this.#pass !== null
  }

  /**
   * Brings everyone up to date who can take more, or as many as can be until `endsAt`; then goes on from there. Whoever
   * comes late in a pass is written what came meanwhile, too. Returns whether there is more to do.
   */
  flush(now: number, endsAt: number): boolean {
    const { tail, stats } = this.#source
    if (!this.#pass) {
      this.#pass = this.#sessions.values()
      this.#reached = tail.end
      this.#lateLength = 0
      this.#isStale = false
      this.#flushingSince = this.#unflushedSince
      this.#unflushedSince = null
    }
    for (let next = this.#pass.next(); !next.done; next = this.#pass.next()) {
      next.value.pump(now)
      if (performance.now() >= endsAt) return true
    }
    this.#pass = null
    tail.trim(this.#reached)
    if (this.#flushingSince !== null) stats.onFlush(Date.now() - this.#flushingSince)
    return this.#isStale
  }
}
