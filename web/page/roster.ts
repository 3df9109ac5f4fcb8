/**
 * The list of collaborators in the room: this window's user first, then by name. A click on an entry scrolls to the
 * collaborator's cell.
 */

import type { Collaborator } from '../client/index.ts'
import { placeName } from './cells.ts'
import { safeColor } from './colors.ts'
import { element } from './elements.ts'

interface Entry {
  item: HTMLElement
  name: HTMLElement
  you: HTMLElement
  place: HTMLElement
  location: Collaborator
  mine: boolean
}

const collator = new Intl.Collator(undefined, { numeric: true })

export class Roster {
  readonly #list: HTMLElement
  readonly #onPick: (user: string) => void
  readonly #entries = new Map<string, Entry>()
  readonly #unsorted = new Set<Entry>()

  constructor(list: HTMLElement, onPick: (user: string) => void) {
    this.#list = list
    this.#onPick = onPick
  }

  get size(): number {
    return this.#entries.size
  }

  /** Returns the name of a collaborator who is in the list. */
  nameOf(user: string): string | undefined {
    return this.#entries.get(user)?.location.name
  }

  set(location: Collaborator, mine: boolean): void {
    const entry = this.#entries.get(location.user) ?? this.#add(location, mine)
    const renamed = entry.name.textContent !== location.name
    if (renamed) entry.name.textContent = location.name
    if (renamed || entry.mine !== mine) this.#unsorted.add(entry)
    entry.place.textContent = placeName(location)
    entry.item.style.setProperty('--color', safeColor(location.color))
    entry.you.textContent = mine ? 'you' : ''
    entry.location = location
    entry.mine = mine
  }

  remove(user: string): void {
    this.#entries.get(user)?.item.remove()
    this.#entries.delete(user)
  }

  /**
   * Call once after all changes. Moves only the changed entries: an element that moves in the document loses the focus.
   */
  sort(): void {
    if (this.#unsorted.size === 0) return
    const focused = document.activeElement as HTMLElement | null
    const sorted = [...this.#entries.values()].sort(inOrder).reverse()
    let next: HTMLElement | null = null
    for (const entry of sorted) {
      if (this.#unsorted.has(entry)) this.#list.insertBefore(entry.item, next)
      next = entry.item
    }
    this.#unsorted.clear()
    if (this.#list.contains(focused)) focused?.focus({ preventScroll: true })
  }

  #add(location: Collaborator, mine: boolean): Entry {
    const { user } = location
    const item = element('li', { class: 'entry', 'data-roster': user })
    const button = element('button', { type: 'button', class: 'person' })
    const name = element('span', { class: 'name' })
    const place = element('span', { class: 'place' })
    const you = element('span', { class: 'you' })
    // The spaces separate the words for screen readers. CSS sets the visible gaps.
    button.append(element('span', { class: 'dot' }), name, ' ', you, ' ', place)
    button.addEventListener('click', () => this.#onPick(user))
    item.append(button)
    const entry = { item, name, you, place, location, mine }
    this.#entries.set(user, entry)
    this.#unsorted.add(entry)
    return entry
  }
}

function inOrder(a: Entry, b: Entry): number {
  if (a.mine !== b.mine) return a.mine ? -1 : 1
  return collator.compare(a.location.name, b.location.name) || (a.location.user < b.location.user ? -1 : 1)
}
