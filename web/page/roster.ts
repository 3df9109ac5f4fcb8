/**
 * The list of collaborators in the room: this window's user first, then by name. A click on an entry follows the
 * collaborator.
 */
import type { Collaborator } from '../client/index.ts'
import { safeColor } from './colors.ts'
import { element } from './elements.ts'
import { selectionName, selectionOf } from './selection.ts'

interface Entry {
  item: HTMLElement
  button: HTMLElement
  name: HTMLElement
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

  set(location: Collaborator, mine: boolean): void {
    const entry = this.#entries.get(location.user) ?? this.#add(location, mine)
    const { name, place, item } = entry
    const isRenamed = name.textContent !== location.name
    if (isRenamed) name.textContent = location.name
    if (isRenamed || entry.mine !== mine) this.#unsorted.add(entry)
    const selection = selectionOf(location)
    const text = `${selectionName(selection)}${selection.isEditing ? ' ✎' : ''}`
    if (place.textContent !== text) place.textContent = text
    if (isRenamed || entry.location.color !== location.color)
      item.style.setProperty('--color', safeColor(location.color))
    entry.location = location
    entry.mine = mine
  }

  remove(user: string): void {
    this.#entries.get(user)?.item.remove()
    this.#entries.delete(user)
  }

  setIdle(user: string, isIdle: boolean): void {
    this.#entries.get(user)?.item.classList.toggle('idle', isIdle)
  }

  follow(user: string | undefined): void {
    for (const [each, { button, mine }] of this.#entries)
      if (!mine) button.setAttribute('aria-pressed', String(each === user))
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
    const name = element('bdi', { class: 'name', dir: 'auto' })
    const place = element('span', { class: 'place' })
    // The spaces separate the words for screen readers. CSS sets the visible gaps.
    button.append(name, ' ', ...(mine ? [element('span', { class: 'you' }, 'you'), ' '] : []), place)
    if (!mine) button.setAttribute('aria-pressed', 'false')
    button.addEventListener('click', () => this.#onPick(user))
    item.append(button)
    const entry = { item, button, name, place, location, mine }
    this.#entries.set(user, entry)
    this.#unsorted.add(entry)
    return entry
  }
}

function inOrder(a: Entry, b: Entry): number {
  if (a.mine !== b.mine) return a.mine ? -1 : 1
  return collator.compare(a.location.name, b.location.name) || (a.location.user < b.location.user ? -1 : 1)
}
