/**
 * The collaborators in the cells: a frame and a flag for each, in their colour.
 *
 * Touches the page only where somebody's look or cell is another than before.
 */

import type { Location } from '../client/index.ts'
import type { Place } from './cells.ts'
import { cellOf } from './cells.ts'
import { inkOn, safeColor } from './colors.ts'
import { element, wantsStillness } from './elements.ts'

interface Marker {
  frame: HTMLElement
  flag: HTMLElement
  cell: Place
  color: string
}

/** In one rendering. A crowd that moves at once shows no single path, and would cost every one of them. */
const ANIMATED_MAX = 40
const EASE = 'cubic-bezier(.2, .8, .2, 1)'

export class Markers {
  readonly #cellAt: (place: Place) => HTMLElement | undefined
  readonly #markers = new Map<string, Marker>()
  readonly #unstacked = new Set<HTMLElement>()
  #animated = 0

  constructor(cellAt: (place: Place) => HTMLElement | undefined) {
    this.#cellAt = cellAt
  }

  set(location: Location, mine: boolean): void {
    const place = cellOf(location)
    const home = place && this.#cellAt(place)
    if (!place || !home) {
      this.remove(location.user)
      return
    }
    const known = this.#markers.get(location.user)
    const marker = known ?? this.#add(location.user, place)
    const { frame, flag } = marker
    const renamed = flag.textContent !== location.name
    if (renamed) flag.textContent = location.name
    if (marker.color !== location.color) paint(marker, location.color)
    frame.classList.toggle('mine', mine)
    const left = frame.parentElement
    if (left !== home) {
      home.append(frame)
      if (left) this.#unstacked.add(left)
    }
    if (left !== home || renamed) this.#unstacked.add(home)
    if (left !== home && this.#mayAnimate()) {
      if (known) travel(frame, marker.cell, place)
      else arrive(frame)
      if (known && home.children.length > 1) meet(home)
    }
    marker.cell = place
  }

  remove(user: string): void {
    const frame = this.#markers.get(user)?.frame
    if (frame?.parentElement) this.#unstacked.add(frame.parentElement)
    frame?.remove()
    this.#markers.delete(user)
  }

  /** Once for all that changed, for a cell may be crowded. */
  stack(): void {
    for (const cell of this.#unstacked) stack(cell)
    this.#unstacked.clear()
    this.#animated = 0
  }

  #mayAnimate(): boolean {
    return ++this.#animated <= ANIMATED_MAX && !document.hidden && !wantsStillness()
  }

  #add(user: string, cell: Place): Marker {
    // The cell's own label says who is in it, once.
    const frame = element('div', { class: 'marker', 'data-user': user, 'aria-hidden': 'true' })
    const flag = element('span', { class: 'flag' })
    frame.append(flag)
    const marker = { frame, flag, cell, color: '' }
    this.#markers.set(user, marker)
    return marker
  }
}

function paint(marker: Marker, color: string): void {
  marker.color = color
  marker.frame.style.setProperty('--color', safeColor(color))
  marker.frame.style.setProperty('--ink', inkOn(color))
}

/** Several in one cell stand one below the other; the cell's label names them all. */
function stack(cell: HTMLElement): void {
  const frames = [...cell.children] as HTMLElement[]
  for (const [slot, frame] of frames.entries()) frame.style.setProperty('--slot', String(slot))
  cell.style.setProperty('--last-slot', String(frames.length - 1))
  const label = [cell.dataset.cell, ...frames.map(frame => frame.textContent)].join(', ')
  if (cell.getAttribute('aria-label') !== label) cell.setAttribute('aria-label', label)
}

function arrive(frame: HTMLElement): void {
  const from = { opacity: 0, transform: 'scale(.7)' }
  frame.animate([from, { opacity: 1, transform: 'none' }], { duration: 220, easing: 'cubic-bezier(.3, 1.6, .6, 1)' })
}

/**
 * Starts where it was, as seen from the new cell. Added to what is still under way, so that a fast publisher draws one
 * smooth line.
 */
function travel(frame: HTMLElement, from: Place, to: Place): void {
  const offset = `translate(calc(var(--column) * ${from.x - to.x}), calc(var(--row) * ${from.y - to.y}))`
  const keyframes = [{ transform: offset }, { transform: 'translate(0, 0)' }]
  frame.animate(keyframes, { duration: 180, easing: EASE, composite: 'add' })
}

/** Everyone in a cell nods to the newcomer. */
function meet(home: HTMLElement): void {
  const nod = [{ transform: 'scale(1)' }, { transform: 'scale(1.08)' }, { transform: 'scale(1)' }]
  for (const frame of home.children)
    frame.animate(nod, { duration: 320, delay: 100, easing: 'ease-in-out', composite: 'add' })
}
