/**
 * When readers are written to. A quiet topic at once, with all that the same tick of the event loop brought; a busy one at
 * most once in `screenMs`, since a screen shows no more, and after a rest that is as long as writing to its readers took.
 * However many these are, after `turnMs` it is for what came in meanwhile and for other topics, and only then goes on.
 *
 * All topics together begin anew only after as long a rest as the last beginning took. So what comes in has its half of
 * the time; and when there is more to write than fits into the other, each topic's events wait and are written together,
 * which is less to write.
 */
import type { Readers } from './readers.ts'

const screenMs = 16
const turnMs = 4

export class Pacer {
  /** In the order of their turns. */
  readonly #waiting = new Set<Readers>()
  #immediate: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined
  #timerAt = 0
  /** No pass begins before. */
  #restsUntil = 0

  /** There is something for these readers. */
  wake(readers: Readers): void {
    this.#waiting.add(readers)
    this.#schedule(this.#dueAt(readers))
  }

  /** A pass that is under way goes on. */
  #dueAt({ isUnderWay, pace }: Readers): number {
    return isUnderWay ? pace.dueAt : Math.max(pace.dueAt, this.#restsUntil)
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
    const start = performance.now()
    const endsAt = start + turnMs
    let now = start
    let hasBegun = false
    for (const readers of [...this.#waiting]) {
      if (now >= endsAt) break
      if (this.#dueAt(readers) > now) continue
      hasBegun ||= !readers.isUnderWay
      this.#waiting.delete(readers)
      if (this.#write(readers, now, endsAt)) this.#waiting.add(readers)
      now = performance.now()
    }
    if (hasBegun) this.#restsUntil = now + (now - start)
    let next = Number.POSITIVE_INFINITY
    for (const readers of this.#waiting) next = Math.min(next, this.#dueAt(readers))
    if (this.#waiting.size > 0) this.#schedule(next)
  }

  /** Returns whether there is more to do. */
  #write(readers: Readers, now: number, endsAt: number): boolean {
    const { pace } = readers
    if (!readers.isUnderWay) Object.assign(pace, { begunAt: now, tookMs: 0 })
    const hasMore = readers.flush(now, endsAt)
    const end = performance.now()
    pace.tookMs += end - now
    pace.dueAt = readers.isUnderWay ? end : Math.max(pace.begunAt + screenMs, end + pace.tookMs)
    return hasMore
  }
}
