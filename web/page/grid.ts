/**
 * The sheet's rows and cells in the document: only those near the visible part, and a few that must stay.
 *
 * Follows the grid pattern of the ARIA Authoring Practices: exactly one cell is in the Tab order. It is the selected cell
 * or, while the user is outside the sheet, the last selected one.
 */
import type { Budget } from './budget.ts'
import { Cell } from './cell.ts'
import { type Area, COLUMNS, cellOf, columnName, contains, isSamePlace, type Place, ROWS } from './cells.ts'
import { element } from './elements.ts'
import { span, union, updateChildren } from './keyed-children.ts'
import { type Selection, selectedArea } from './selection.ts'
import { Viewport } from './viewport.ts'

interface Row {
  element: HTMLElement
  cells: Map<number, Cell>
}

export class Grid {
  readonly viewport: Viewport
  readonly #root: HTMLElement
  readonly #content: Budget
  readonly #header = element('div', { role: 'row', class: 'row top', 'aria-rowindex': '1' })
  readonly #columns = new Map<number, HTMLElement>()
  readonly #rows = new Map<number, Row>()
  /** The cell in the Tab order. */
  #current: Place = { x: 0, y: 0 }
  #selected: Area | undefined
  #pins: readonly Place[] = []

  /** Calls `onRender` when other cells are in the document. */
  constructor(root: HTMLElement, content: Budget, onRender: () => void) {
    this.#root = root
    this.#content = content
    root.setAttribute('role', 'grid')
    root.setAttribute('aria-label', 'Sheet')
    root.setAttribute('aria-multiselectable', 'true')
    root.setAttribute('aria-rowcount', String(ROWS + 1))
    root.setAttribute('aria-colcount', String(COLUMNS + 1))
    const corner = { role: 'columnheader', class: 'head corner measure', 'aria-colindex': '1' }
    const rowHead = element('div', corner)
    rowHead.append(element('span', { class: 'visually-hidden' }, 'Row'))
    this.#header.append(rowHead, element('div', { class: 'column-size measure', 'aria-hidden': 'true' }))
    root.append(this.#header)
    let viewport: Viewport | undefined
    this.viewport = viewport = new Viewport(root.parentElement as HTMLElement, root, () => {
      if (!viewport) return
      this.#render()
      onRender()
    })
    this.#render()
  }

  get current(): Place {
    return this.#current
  }

  /** The cell, if it is in the document. */
  cellAt(place: Place): Cell | undefined {
    const cell = cellOf(place)
    return cell && this.#rows.get(cell.y)?.cells.get(cell.x)
  }

  /** Keeps these cells in the document wherever the visible part is. Returns whether they are others than before. */
  pin(places: readonly Place[]): boolean {
    const isSame = places.length === this.#pins.length && places.every((each, i) => isSamePlace(each, this.#pins[i]))
    if (isSame) return false
    this.#pins = places
    this.#render()
    return true
  }

  /** Moves the focus with the selection if the selected cell had it: the next arrow key starts at the selection. */
  select(selection: Selection): void {
    const before = this.cellAt(this.#current)?.element
    const hadFocus = before !== undefined && before === document.activeElement
    this.#selected = selectedArea(selection)
    this.#current = cellOf(selection.at) ?? this.#current
    this.#render()
    const after = this.cellAt(this.#current)?.element
    if (before !== after) before?.setAttribute('tabindex', '-1')
    if (hadFocus && before !== after) after?.focus({ preventScroll: true })
  }

  /** Focuses the selected cell wherever it is. */
  takeFocus(): void {
    this.cellAt(this.#current)?.element.focus({ preventScroll: true })
  }

  /** Makes the selected cell visible, and focuses it. On a low screen, this also scrolls the page. */
  focus(): void {
    this.viewport.reveal(this.#current)
    this.takeFocus()
    this.cellAt(this.#current)?.element.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }

  /** Shows changed contents. */
  refresh(): void {
    for (const { cells } of this.#rows.values()) for (const cell of cells.values()) cell.refresh(this.#content)
  }

  #render(): void {
    const { left, top, right, bottom } = this.viewport.rendered
    const pins = [...this.#pins, this.#current]
    const columns = span(left, right)
    updateChildren(this.#header, this.#columns, columns, x => this.#columnHeader(x), 2)
    for (const [x, head] of this.#columns) head.style.left = `${this.viewport.leftOf(x)}px`
    const rows = new Map([...this.#rows].map(([y, row]) => [y, row.element]))
    const wanted = union(
      span(top, bottom),
      pins.map(({ y }) => y),
    )
    updateChildren(this.#root, rows, wanted, y => this.#createRow(y), 1)
    for (const [y, row] of this.#rows) {
      if (rows.has(y)) this.#renderRow(y, row, columns, pins)
      else this.#rows.delete(y)
    }
  }

  #renderRow(y: number, row: Row, columns: readonly number[], pins: readonly Place[]): void {
    row.element.style.top = `${this.viewport.topOf(y)}px`
    const pinned = pins.filter(pin => pin.y === y)
    const wanted =
      pinned.length > 0
        ? union(
            columns,
            pinned.map(({ x }) => x),
          )
        : columns
    const elements = new Map([...row.cells].map(([x, cell]) => [x, cell.element]))
    const create = (x: number) => {
      const cell = new Cell({ x, y }, this.#content)
      row.cells.set(x, cell)
      return cell.element
    }
    updateChildren(row.element, elements, wanted, create, 1)
    for (const [x, cell] of row.cells) {
      if (!elements.has(x)) row.cells.delete(x)
      cell.left = this.viewport.leftOf(x)
      cell.isSelected = this.#selected !== undefined && contains(this.#selected, cell.place)
      if (isSamePlace(cell.place, this.#current)) cell.element.setAttribute('tabindex', '0')
    }
  }

  #createRow(y: number): HTMLElement {
    const row = element('div', { role: 'row', class: 'row', 'aria-rowindex': String(y + 2) })
    row.append(element('div', { role: 'rowheader', class: 'head', 'aria-colindex': '1' }, String(y + 1)))
    this.#rows.set(y, { element: row, cells: new Map() })
    return row
  }

  #columnHeader(x: number): HTMLElement {
    return element('div', { role: 'columnheader', class: 'head', 'aria-colindex': String(x + 2) }, columnName(x))
  }
}
