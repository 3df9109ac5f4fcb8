/**
 * When readers are written to. A quiet topic at once, with all that the same tick of the event loop brought; a busy one at
 * most once in `screenMs`, since a screen shows no more, and after a rest that is half as long as writing to its readers
 * took. However many there are to write to, after `turnMs` it is for what came in meanwhile: all of that, and only then the
 * next turn. So what comes in is never kept waiting for long, and writing gets what time that leaves; when there is more to
 * write than fits into it, each topic's events wait and are written together, which is less to write.
 */
import type { SessionGroup } from './session-group.ts'

const screenMs = 16
const turnMs = 2

export class FlushScheduler {
  /** In the order of their turns. */
  readonly #waiting = new Set<SessionGroup>()
  #immediate: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined
  #timerAt = 0

  /** There is something for these readers. */
  wake(readers: SessionGroup): void {
    this.#waiting.add(readers)
    this.#schedule(readers.pace.dueAt)
  }

  #schedule(at: number): void {
    const now = performance.now()
    if (at <= now) this.#immediate ??= setImmediate(() => this.#turn())
    else if (!this.#timer || at < this.#timerAt) {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => this.#turn(), Math.ceil(at - now))
      this.#timerAt = at
    }
  }

  #turn(): void {
    clearImmediate(this.#immediate)
    clearTimeout(this.#timer)
    this.#immediate = this.#timer = undefined
    let now = performance.now()
    const endsAt = now + turnMs
    for (const readers of [...this.#waiting]) {
      if (now >= endsAt) break
      if (readers.pace.dueAt > now) continue
      this.#waiting.delete(readers)
      if (this.#write(readers, now, endsAt)) this.#waiting.add(readers)
      now = performance.now()
    }
    let next = Number.POSITIVE_INFINITY
    for (const { pace } of this.#waiting) next = Math.min(next, pace.dueAt)
    if (this.#waiting.size > 0) this.#schedule(next)
  }

  /** Returns whether there is more to do. */
  #write(readers: SessionGroup, now: number, endsAt: number): boolean {
    const { pace } = readers
    if (!readers.isUnderWay) Object.assign(pace, { begunAt: now, tookMs: 0 })
    const hasMore = readers.flush(now, endsAt)
    const end = performance.now()
    pace.tookMs += end - now
    pace.dueAt = readers.isUnderWay ? end : Math.max(pace.begunAt + screenMs, end + pace.tookMs / 2)
    return hasMore
  }
}
