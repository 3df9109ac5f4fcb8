/**
 * When readers are written to. A quiet topic at once, with all that the same tick of the event loop brought; a busy one at
 * most once in `screenMs`, since a screen shows no more. And never without pause: writing rests as long as it took, so
 * that however many readers there are, half of the time is left for what comes in.
 */
import type { View } from './view.ts'

const screenMs = 16

export class Pacer {
  readonly #waiting = new Set<View>()
  #restsUntil = 0
  #immediate: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined

  /** The view has something for its readers. */
  wake(view: View): void {
    this.#waiting.add(view)
    this.#schedule(Math.max(this.#restsUntil, view.flushedAt + screenMs), performance.now())
  }

  #schedule(at: number, now: number): void {
    if (at <= now) this.#immediate ??= setImmediate(() => this.#pass())
    else this.#timer ??= setTimeout(() => this.#pass(), Math.ceil(at - now))
  }

  #pass(): void {
    clearImmediate(this.#immediate)
    clearTimeout(this.#timer)
    this.#immediate = this.#timer = undefined
    const start = performance.now()
    let next = this.#restsUntil
    if (start >= next) {
      next = Number.POSITIVE_INFINITY
      for (const view of this.#waiting) {
        const due = view.flushedAt + screenMs
        if (due > start) next = Math.min(next, due)
        else {
          this.#waiting.delete(view)
          view.flushedAt = start
          view.flush()
        }
      }
      const end = performance.now()
      this.#restsUntil = end + (end - start)
      next = Math.max(next, this.#restsUntil)
    }
    if (this.#waiting.size > 0) this.#schedule(next, performance.now())
  }
}
