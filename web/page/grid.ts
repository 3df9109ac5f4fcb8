/**
 * The sheet: its cells, and selection by pointer and keyboard.
 *
 * Does not know the collaborators. Follows the grid pattern of the ARIA Authoring Practices: exactly one cell is in the
 * Tab order. It is the selected cell or, while the user's place is outside the sheet, the last selected one.
 */

import type { Place } from './cells.ts'
import { COLUMNS, cellName, cellOf, clampToSheet, columnName, ROWS } from './cells.ts'
import { element } from './elements.ts'

/** The cell that each key moves to. */
const KEYS: Record<string, (from: Place, page: number) => Place> = {
  ArrowLeft: ({ x, y }) => ({ x: x - 1, y }),
  ArrowRight: ({ x, y }) => ({ x: x + 1, y }),
  ArrowUp: ({ x, y }) => ({ x, y: y - 1 }),
  ArrowDown: ({ x, y }) => ({ x, y: y + 1 }),
  PageUp: ({ x, y }, page) => ({ x, y: y - page }),
  PageDown: ({ x, y }, page) => ({ x, y: y + page }),
  Home: ({ y }) => ({ x: 0, y }),
  End: ({ y }) => ({ x: COLUMNS - 1, y }),
  'Control+Home': () => ({ x: 0, y: 0 }),
  'Control+End': () => ({ x: COLUMNS - 1, y: ROWS - 1 }),
}

export class Grid {
  readonly #root: HTMLElement
  readonly #cells: HTMLElement[] = []
  #current: Place = { x: 0, y: 0 }

  /** Calls `onMove` when the user clicks a cell or moves with a key. */
  constructor(root: HTMLElement, onMove: (place: Place) => void) {
    this.#root = root
    root.setAttribute('role', 'grid')
    root.setAttribute('aria-label', 'Sheet')
    root.setAttribute('aria-rowcount', String(ROWS + 1))
    root.setAttribute('aria-colcount', String(COLUMNS + 1))
    root.append(headerRow(), ...Array.from({ length: ROWS }, (_, y) => this.#row(y)))
    const moveTo = (place: Place) => {
      this.select(place)
      this.cellAt(place)?.focus({ preventScroll: true })
      this.scrollTo(place)
      onMove(place)
    }
    root.addEventListener('click', event => {
      const cell = (event.target as Element).closest<HTMLElement>('[role=gridcell]')
      if (cell) moveTo(placeOf(this.#cells.indexOf(cell)))
    })
    document.addEventListener('keydown', event => {
      const place = this.#placeFor(event)
      if (!place) return
      event.preventDefault()
      moveTo(place)
    })
    this.select(this.#current)
  }

  cellAt(place: Place): HTMLElement | undefined {
    const cell = cellOf(place)
    return cell && this.#cells[cell.y * COLUMNS + cell.x]
  }

  /** Moves the focus with the selection if the selected cell had it: the next arrow key starts at the selection. */
  select(place: Place): void {
    const before = this.cellAt(this.#current)
    const after = this.cellAt(place)
    before?.setAttribute('aria-selected', 'false')
    if (!after) return
    before?.setAttribute('tabindex', '-1')
    after.setAttribute('tabindex', '0')
    after.setAttribute('aria-selected', 'true')
    if (before !== after && before === document.activeElement) after.focus({ preventScroll: true })
    this.#current = { x: Math.floor(place.x), y: Math.floor(place.y) }
  }

  scrollTo(place: Place, options: ScrollIntoViewOptions = { block: 'nearest', inline: 'nearest' }): void {
    this.cellAt(place)?.scrollIntoView(options)
  }

  #row(y: number): HTMLElement {
    const row = element('div', { role: 'row', class: 'row', 'aria-rowindex': String(y + 2) })
    row.append(element('div', { role: 'rowheader', class: 'head', 'aria-colindex': '1' }, String(y + 1)))
    for (let x = 0; x < COLUMNS; x++) {
      const name = cellName({ x, y })
      const cell = element('div', {
        role: 'gridcell',
        class: 'cell',
        'data-cell': name,
        'aria-label': name,
        'aria-colindex': String(x + 2),
        'aria-selected': 'false',
        tabindex: '-1',
      })
      this.#cells.push(cell)
      row.append(cell)
    }
    return row
  }

  /** Handles a key if the focus is in the sheet, or if no element has the focus. */
  #placeFor(event: KeyboardEvent): Place | undefined {
    const { target, key } = event
    if (target !== document.body && !this.#root.contains(target as Node)) return undefined
    if (event.altKey || event.metaKey || event.shiftKey || event.defaultPrevented) return undefined
    const to = KEYS[event.ctrlKey ? `Control+${key}` : key]
    return to && clampToSheet(to(this.#current, this.#pageRows()))
  }

  #pageRows(): number {
    const rowHeight = this.#cells[0]?.offsetHeight || 1
    return Math.max(1, Math.floor((this.#root.parentElement?.clientHeight ?? 0) / rowHeight) - 2)
  }
}

const placeOf = (index: number): Place => ({ x: index % COLUMNS, y: Math.floor(index / COLUMNS) })

function headerRow(): HTMLElement {
  const row = element('div', { role: 'row', class: 'row top', 'aria-rowindex': '1' })
  row.append(element('div', { role: 'columnheader', class: 'head', 'aria-colindex': '1', 'aria-label': 'Row' }))
  for (let x = 0; x < COLUMNS; x++) {
    row.append(element('div', { role: 'columnheader', class: 'head', 'aria-colindex': String(x + 2) }, columnName(x)))
  }
  return row
}
