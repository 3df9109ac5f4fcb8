/**
 * The last entries of a room, so that a tab that missed some of them can be given exactly those.
 */
import type { Entry } from './entries.ts'

const KEPT_MAX = 500

export class RecentEntries {
  #entries: Entry[] = []
  /** The id before the first of them. */
  #start = ''
  #last = ''

  /** The id of the last entry; empty before the first one. */
  get lastEventId(): string {
    return this.#last
  }

  push(entry: Entry): void {
    if (entry.event.type === 'snapshot') {
      this.#entries = []
      this.#start = entry.id
    } else this.#entries.push(entry)
    this.#last = entry.id
    if (this.#entries.length > KEPT_MAX) this.#start = this.#entries.shift()?.id ?? this.#last
  }

  /** The entries after that id; undefined when not all of them are kept. */
  after(id: string): Entry[] | undefined {
    if (id === '') return undefined
    if (id === this.#start) return [...this.#entries]
    const index = this.#entries.findLastIndex(entry => entry.id === id)
    return index < 0 ? undefined : this.#entries.slice(index + 1)
  }
}
