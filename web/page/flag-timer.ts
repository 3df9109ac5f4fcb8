/**
 * Unfolds flags for a moment.
 */
const SHOWN_MS = 2000

export class FlagTimer {
  /** The unfolded markers and when to fold them, the earliest first. */
  readonly #until = new Map<HTMLElement, number>()
  #timer: ReturnType<typeof setTimeout> | undefined

  show(marker: HTMLElement): void {
    this.#until.delete(marker)
    this.#until.set(marker, performance.now() + SHOWN_MS)
    marker.classList.add('fresh')
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
      marker.classList.remove('fresh')
      this.#until.delete(marker)
    }
  }
}
