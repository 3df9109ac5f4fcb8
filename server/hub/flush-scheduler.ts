/**
 * Decides when events are written to the readers of each topic.
 *
 * - A quiet topic is flushed at once, together with everything else that arrived in the same tick of the event loop.
 * - A busy topic is flushed at most once per `screenMs`, because a screen does not show more, and rests after each pass
 *   for half as long as the pass took.
 * - After `turnMs` of writing, the event loop handles all pending input before the next turn, so input never waits long.
 *   Under overload each topic's events accumulate and are written together, which is less work.
 */

/**
 * What a flush achieved: it wrote everything; it reached its deadline and must continue; or it finished its pass, but
 * more arrived during the pass.
 */
export type FlushResult = 'finished' | 'paused' | 'more'

export interface Flushable {
  /** Writes what is pending, and pauses once `performance.now()` reaches `until`. */
  flush(until: number): FlushResult
}

interface Pace {
  /** When the next flush may start. */
  dueAt: number
  /** When the current pass, or the last one, started and how long it has taken. */
  startedAt: number
  tookMs: number
  isPaused: boolean
}

const screenMs = 16
const turnMs = 2

export class FlushScheduler {
  readonly #paces = new WeakMap<Flushable, Pace>()
  /** In the order of their turns. */
  readonly #waiting = new Map<Flushable, Pace>()
  #immediate: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined
  #timerAt = 0

  /** Flushes `target` as soon as its pace allows it. */
  schedule(target: Flushable): void {
    let pace = this.#waiting.get(target)
    if (!pace) {
      pace = this.#paceOf(target)
      this.#waiting.set(target, pace)
    }
    this.#startTurnAt(pace.dueAt)
  }

  #paceOf(target: Flushable): Pace {
    let pace = this.#paces.get(target)
    if (!pace) {
      pace = { dueAt: 0, startedAt: 0, tookMs: 0, isPaused: false }
      this.#paces.set(target, pace)
    }
    return pace
  }

  #startTurnAt(at: number): void {
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
    const until = now + turnMs
    for (const [target, pace] of [...this.#waiting]) {
      if (now >= until) break
      if (pace.dueAt > now) continue
      this.#waiting.delete(target)
      const result = this.#flush(target, pace, now, until)
      if (result !== 'finished') this.#waiting.set(target, pace)
      now = performance.now()
    }
    let next = Number.POSITIVE_INFINITY
    for (const { dueAt } of this.#waiting.values()) next = Math.min(next, dueAt)
    if (this.#waiting.size > 0) this.#startTurnAt(next)
  }

  #flush(target: Flushable, pace: Pace, now: number, until: number): FlushResult {
    if (!pace.isPaused) {
      pace.startedAt = now
      pace.tookMs = 0
    }
    const result = target.flush(until)
    const end = performance.now()
    pace.isPaused = result === 'paused'
    pace.tookMs += end - now
    pace.dueAt = pace.isPaused ? end : Math.max(pace.startedAt + screenMs, end + pace.tookMs / 2)
    return result
  }
}
