/**
 * One rendered cell: its text, and its label for screen readers, which also lists the collaborators in the cell.
 */
import type { Budget } from './budget.ts'
import { cellName, type Place } from './cells.ts'
import { element } from './elements.ts'

/** A label with more names would take minutes to read. */
const MAX_NAMES = 6

export class Cell {
  readonly place: Place
  readonly element: HTMLElement
  readonly #text: HTMLElement
  /** Separates the text and the name on a flag for tools that read the cell's content. */
  readonly #space = document.createTextNode(' ')
  #left = Number.NaN
  #people: readonly string[] = []
  #isSelected: boolean | undefined
  #isRaised = false

  constructor(place: Place, content: Budget) {
    const name = cellName(place)
    this.place = place
    this.element = element('div', {
      role: 'gridcell',
      class: 'cell',
      'data-cell': name,
      'aria-colindex': String(place.x + 2),
      tabindex: '-1',
    })
    this.#text = element('span', { class: 'text' })
    this.refresh(content)
    this.isSelected = false
  }

  /** Whether the cell contains neither a text nor a marker nor the editor. */
  get isEmpty(): boolean {
    return this.element.childElementCount === 0
  }

  set left(left: number) {
    if (left === this.#left) return
    this.#left = left
    this.element.style.left = `${left}px`
  }

  set isSelected(isSelected: boolean) {
    if (isSelected === this.#isSelected) return
    this.#isSelected = isSelected
    this.element.setAttribute('aria-selected', String(isSelected))
  }

  /** Whether the cell is above the others, so that no grid line crosses its flag or its range. */
  set isRaised(isRaised: boolean) {
    if (isRaised === this.#isRaised) return
    this.#isRaised = isRaised
    this.element.classList.toggle('raised', isRaised)
  }

  set people(names: readonly string[]) {
    this.#people = names
    this.#label()
  }

  refresh(content: Budget): void {
    const text = content.text(this.place)
    this.#text.textContent = text
    // Most cells are empty: without an element of their own they cost less.
    if (text === '') this.#text.remove()
    else this.element.prepend(this.#text, this.#space)
    this.element.dataset.kind = content.kind(this.place)
    this.element.classList.toggle('right', content.isRightAligned(this.place))
    this.#label()
  }

  #label(): void {
    const names = this.#people.slice(0, MAX_NAMES)
    const more = this.#people.length - names.length
    const parts = [cellName(this.place), this.#text.textContent, ...names, more > 0 && `and ${more} more`]
    const label = parts.filter(Boolean).join(', ')
    if (this.element.getAttribute('aria-label') !== label) this.element.setAttribute('aria-label', label)
  }
}
