/**
 * One collaborator's marker: an outline around the cell or the range, and a flag with the name. It is a child of the
 * collaborator's cell.
 */
import type { Collaborator } from '../client/index.ts'
import type { Cell } from './cell.ts'
import { type Area, areaName, cellOf, isSamePlace, overlap, type Place } from './cells.ts'
import { safeColor, textColorOn } from './colors.ts'
import { element } from './elements.ts'
import { type Selection, selectedArea, selectionOf } from './selection.ts'
import type { Viewport } from './viewport.ts'

const SIDES = ['left', 'top', 'width', 'height']
/** So many outlines have space side by side in one cell. */
const MAX_OUTLINES = 3

export class Marker {
  // Hidden from screen readers: the cell's label contains the name.
  readonly element = element('div', { 'aria-hidden': 'true' })
  readonly #flag = element('span', { class: 'flag' })
  /** `bdi` and `dir`: a name keeps its own direction, so that its beginning stays readable when it is cut. */
  readonly #name = element('bdi', { class: 'flag-name', dir: 'auto' })
  readonly #more = element('span', { class: 'more' })
  readonly #gap = document.createTextNode(' ')
  readonly #classes = new Set<string>()
  readonly isMine: boolean
  /** The cell that contains the marker; undefined while that cell is not in the document. */
  cell: Cell | undefined
  selection: Selection
  name = ''
  /** Orders the markers of a cell: the marker that changed last has the highest number. */
  since = 0
  #color = ''

  constructor(collaborator: Collaborator, isMine: boolean) {
    this.isMine = isMine
    this.selection = selectionOf(collaborator)
    this.element.className = isMine ? 'marker mine' : 'marker'
    this.element.dataset.user = collaborator.user
    this.#flag.append(this.#name)
  }

  get place(): Place | undefined {
    return cellOf(this.selection.at)
  }

  /** Returns whether anything changed that the flag should show. */
  update(collaborator: Collaborator): boolean {
    const { name, color } = collaborator
    const before = this.selection
    this.selection = selectionOf(collaborator)
    const { at, to, isEditing } = this.selection
    const isRenamed = name !== this.name
    if (isRenamed) this.#name.textContent = this.name = name
    if (color !== this.#color) this.#paint(color)
    this.toggle('editing', isEditing)
    return isRenamed || isEditing !== before.isEditing || !isSamePlace(at, before.at) || !isSamePlace(to, before.to)
  }

  /** Draws the outline around a range. Of a range that is larger than the rendered cells, the rest is left out. */
  outline(viewport: Viewport): void {
    const { style, dataset } = this.element
    const area = selectedArea(this.selection)
    const place = this.place
    if (!area || !place) return
    const { visible } = viewport
    // A flag above the first visible row would be below the header.
    this.toggle('below', area.top <= visible.top)
    this.toggle('at-end', area.left >= Math.max(visible.right - 1, visible.left + 2))
    if (!this.selection.to) {
      if (dataset.range === undefined) return
      delete dataset.range
      for (const side of SIDES) style.removeProperty(side)
      return
    }
    dataset.range = areaName(area)
    const { left, top, right, bottom } = clip(area, viewport.rendered)
    const [x, y] = [viewport.leftOf(place.x), viewport.topOf(place.y)]
    const { column, row } = viewport.sizes
    style.left = `${viewport.leftOf(left) - x - 1}px`
    style.top = `${viewport.topOf(top) - y - 1}px`
    style.width = `${(right - left + 1) * column + 1}px`
    style.height = `${(bottom - top + 1) * row + 1}px`
  }

  /**
   * Sets the marker's rank among those in its cell. Only the first one has a flag, with the count of the others. A flag that
   * is not shown is not in the document: in a busy room, flags would be most of its elements.
   */
  stack(slot: number, count: number, hasFlag: boolean): void {
    for (let each = 1; each <= MAX_OUTLINES; each++) this.toggle(`slot-${each}`, Math.min(slot, MAX_OUTLINES) === each)
    const others = slot === 0 ? count - 1 : 0
    this.toggle('several', others > 0)
    if (slot > 0 || !(hasFlag || others > 0)) {
      if (this.#flag.parentElement) this.#flag.remove()
      return
    }
    if (others > 0) {
      this.#more.textContent = `+${others}`
      // First in the document, because the cell's label also begins with the count. The stylesheet shows it last.
      this.#flag.prepend(this.#more, this.#gap)
    } else {
      this.#more.remove()
      this.#gap.remove()
    }
    if (!this.#flag.parentElement) this.element.append(this.#flag)
  }

  toggle(name: string, isOn: boolean): void {
    if (this.#classes.has(name) === isOn) return
    if (isOn) this.#classes.add(name)
    else this.#classes.delete(name)
    this.element.classList.toggle(name, isOn)
  }

  /** Everything else takes its color from these two. */
  #paint(color: string): void {
    this.#color = color
    this.element.style.color = safeColor(color)
    this.#name.style.color = this.#more.style.color = textColorOn(color)
  }
}

/** The part of an area that is rendered, and one row and column more, so that the outline's edge is not visible. */
function clip(area: Area, { left, top, right, bottom }: Area): Area {
  return overlap(area, { left: left - 1, top: top - 1, right: right + 1, bottom: bottom + 1 }) ?? area
}
