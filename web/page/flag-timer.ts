/**
 * Unfolds flags for a moment.
 */
import type { Marker } from './marker.ts'

const SHOWN_MS = 2000

export class FlagTimer {
  /** The unfolded markers and when to fold them, the earliest first. */
  readonly #until = new Map<Marker, number>()
  #timer: ReturnType<typeof setTimeout> | undefined

  show(marker: Marker): void {
    this.#until.delete(marker)
    this.#until.set(marker, performance.now() + SHOWN_MS)
    marker.toggle('fresh', true)
    this.#timer ??= setTimeout(() => this.#fold(), SHOWN_MS)
  }

  #fold(): void {
    const now = performance.now()
    this.#timer = undefined
    for (const [marker, until] of this.#until) {
      if (until > now) {
        this.#timer = setTimeout(() => this.#fold(), until - now)
        return
      }
      marker.toggle('fresh', false)
      this.#until.delete(marker)
    }
  }
}
