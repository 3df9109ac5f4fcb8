/**
 * The collaborators' markers in the cells: an outline and a flag in the collaborator's color.
 *
 * Changes the document only where a collaborator's appearance or cell has changed.
 */

import type { Collaborator } from '../client/index.ts'
import type { Place } from './cells.ts'
import { cellOf } from './cells.ts'
import { safeColor, textColorOn } from './colors.ts'
import { element, prefersReducedMotion } from './elements.ts'

interface Marker {
  outline: HTMLElement
  flag: HTMLElement
  cell: Place
  color: string
}

/** Per rendering. If more markers move at once, a user cannot follow them, and every animation costs time. */
const MAX_ANIMATIONS = 40
const MOVE_EASING = 'cubic-bezier(.2, .8, .2, 1)'

export class Markers {
  readonly #cellAt: (place: Place) => HTMLElement | undefined
  readonly #markers = new Map<string, Marker>()
  readonly #unstacked = new Set<HTMLElement>()
  #animations = 0

  constructor(cellAt: (place: Place) => HTMLElement | undefined) {
    this.#cellAt = cellAt
  }

  set(location: Collaborator, mine: boolean): void {
    const place = cellOf(location)
    const cell = place && this.#cellAt(place)
    if (!place || !cell) {
      this.remove(location.user)
      return
    }
    const known = this.#markers.get(location.user)
    const marker = known ?? this.#add(location.user, place)
    const { outline, flag } = marker
    const isRenamed = flag.textContent !== location.name
    if (isRenamed) flag.textContent = location.name
    if (marker.color !== location.color) paint(marker, location.color)
    outline.classList.toggle('mine', mine)
    const previous = outline.parentElement
    const isMoved = previous !== cell
    if (isMoved) {
      cell.append(outline)
      if (previous) this.#unstacked.add(previous)
    }
    if (isMoved || isRenamed) this.#unstacked.add(cell)
    if (isMoved && this.#mayAnimate()) {
      if (known) animateMove(outline, marker.cell, place)
      else animateArrival(outline)
      if (known && cell.children.length > 1) animateMeeting(cell)
    }
    marker.cell = place
  }

  remove(user: string): void {
    const outline = this.#markers.get(user)?.outline
    if (outline?.parentElement) this.#unstacked.add(outline.parentElement)
    outline?.remove()
    this.#markers.delete(user)
  }

  /** Call once after all changes: stacking a crowded cell again for every change is slow. */
  stack(): void {
    for (const cell of this.#unstacked) stack(cell)
    this.#unstacked.clear()
    this.#animations = 0
  }

  #mayAnimate(): boolean {
    return ++this.#animations <= MAX_ANIMATIONS && !document.hidden && !prefersReducedMotion()
  }

  #add(user: string, cell: Place): Marker {
    // Hidden from screen readers: the cell's label already contains the name.
    const outline = element('div', { class: 'marker', 'data-user': user, 'aria-hidden': 'true' })
    const flag = element('span', { class: 'flag' })
    outline.append(flag)
    const marker = { outline, flag, cell, color: '' }
    this.#markers.set(user, marker)
    return marker
  }
}

function paint(marker: Marker, color: string): void {
  marker.color = color
  marker.outline.style.setProperty('--color', safeColor(color))
  marker.outline.style.setProperty('--ink', textColorOn(color))
}

/** Stacks the flags of all collaborators in one cell, and lists their names in the cell's label. */
function stack(cell: HTMLElement): void {
  const outlines = [...cell.children] as HTMLElement[]
  for (const [slot, outline] of outlines.entries()) outline.style.setProperty('--slot', String(slot))
  cell.style.setProperty('--last-slot', String(outlines.length - 1))
  const label = [cell.dataset.cell, ...outlines.map(outline => outline.textContent)].join(', ')
  if (cell.getAttribute('aria-label') !== label) cell.setAttribute('aria-label', label)
}

function animateArrival(outline: HTMLElement): void {
  const from = { opacity: 0, transform: 'scale(.7)' }
  outline.animate([from, { opacity: 1, transform: 'none' }], { duration: 220, easing: 'cubic-bezier(.3, 1.6, .6, 1)' })
}

/**
 * Moves the outline from the old cell to the new one, which already contains it. The animation adds to those that still
 * run, so fast moves result in one smooth path.
 */
function animateMove(outline: HTMLElement, from: Place, to: Place): void {
  const offset = `translate(calc(var(--column) * ${from.x - to.x}), calc(var(--row) * ${from.y - to.y}))`
  const keyframes = [{ transform: offset }, { transform: 'translate(0, 0)' }]
  outline.animate(keyframes, { duration: 180, easing: MOVE_EASING, composite: 'add' })
}

/** Enlarges all outlines of a cell briefly when a collaborator moves into it. */
function animateMeeting(cell: HTMLElement): void {
  const keyframes = [{ transform: 'scale(1)' }, { transform: 'scale(1.08)' }, { transform: 'scale(1)' }]
  for (const outline of cell.children)
    outline.animate(keyframes, { duration: 320, delay: 100, easing: 'ease-in-out', composite: 'add' })
}
