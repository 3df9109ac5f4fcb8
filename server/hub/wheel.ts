/**
 * One timer for all that is due now and then: heartbeats, and streams that reach their age.
 *
 * Whoever is on the wheel is visited about when it asked to be, and says when it wants to be visited next.
 */
export interface Visited {
  /** Where it is on the wheel; the wheel's own. */
  slot: Set<Visited> | undefined
  /** Returns the milliseconds until the next visit. */
  visit(now: number): number
}

const slotCount = 512

export class Wheel {
  readonly #slotMs: number
  readonly #slots = Array.from({ length: slotCount }, () => new Set<Visited>())
  #count = 0
  #timer: NodeJS.Timeout | undefined
  #at = 0

  constructor(slotMs: number) {
    this.#slotMs = slotMs
  }

  add(visited: Visited, inMs: number): void {
    // What is further away than the wheel goes round is visited early, and asks again.
    const distance = Math.min(slotCount - 1, Math.max(1, Math.ceil(inMs / this.#slotMs)))
    const slot = this.#slots[(this.#at + distance) % slotCount]
    if (!slot) return
    if (!visited.slot) this.#count++
    visited.slot = slot.add(visited)
    this.#timer ??= setInterval(() => this.#turn(), this.#slotMs).unref()
  }

  remove(visited: Visited): void {
    if (!visited.slot?.delete(visited)) return
    visited.slot = undefined
    this.#count--
    if (this.#count > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #turn(): void {
    this.#at = (this.#at + 1) % slotCount
    const slot = this.#slots[this.#at]
    if (!slot || slot.size === 0) return
    const now = performance.now()
    for (const visited of [...slot]) {
      const nextMs = visited.visit(now)
      // It may have left the wheel while it was visited.
      if (!slot.delete(visited)) continue
      this.add(visited, nextMs)
    }
  }
}
