/**
 * The sheet's rows and cells in the document: only those near the visible part, and a few that must stay. In the lower part
 * of a very large window, empty cells have no element, so the lines between the columns are elements of their own.
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

/** So many cells, from the top, have an element even if they are empty: all of a full HD window. */
const MAX_EMPTY_CELLS = 560

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
  readonly #lines = element('div', { class: 'lines', 'aria-hidden': 'true' })
  readonly #columnLines = new Map<number, HTMLElement>()
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
    root.append(this.#lines, this.#header)
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

  /** The cell, if it is near the visible part, or pinned. An empty cell without an element gets one. */
  cellAt(place: Place): Cell | undefined {
    const cell = cellOf(place)
    const row = cell && this.#rows.get(cell.y)
    if (!row) return undefined
    if (!row.cells.has(cell.x) && contains(this.viewport.rendered, cell)) this.#renderRow(cell.y, row, [cell.x])
    return row.cells.get(cell.x)
  }

  /** Call when the last marker has left the cell. */
  release({ place: { y } }: Cell): void {
    const row = this.#rows.get(y)
    if (row && !this.#isComplete(y)) this.#renderRow(y, row)
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
    const columns = span(left, right)
    updateChildren(this.#header, this.#columns, columns, x => this.#columnHeader(x), 2)
    updateChildren(this.#lines, this.#columnLines, columns, () => element('div', { class: 'line' }), 0)
    for (const [x, each] of [...this.#columns, ...this.#columnLines]) each.style.left = `${this.viewport.leftOf(x)}px`
    const rows = new Map([...this.#rows].map(([y, row]) => [y, row.element]))
    const pinned = [...this.#pins, this.#current].map(({ y }) => y)
    updateChildren(this.#root, rows, union(span(top, bottom), pinned), y => this.#createRow(y), 2)
    for (const [y, row] of this.#rows) {
      if (rows.has(y)) this.#renderRow(y, row)
      else this.#rows.delete(y)
    }
  }

  #renderRow(y: number, row: Row, added: readonly number[] = []): void {
    row.element.style.top = `${this.viewport.topOf(y)}px`
    const elements = new Map([...row.cells].map(([x, cell]) => [x, cell.element]))
    const create = (x: number) => {
      const cell = new Cell({ x, y }, this.#content)
      row.cells.set(x, cell)
      return cell.element
    }
    updateChildren(row.element, elements, union(this.#columnsOf(y, row), added), create, 1)
    for (const [x, cell] of row.cells) {
      if (!elements.has(x)) row.cells.delete(x)
      cell.left = this.viewport.leftOf(x)
      cell.isSelected = this.#selected !== undefined && contains(this.#selected, cell.place)
      if (isSamePlace(cell.place, this.#current)) cell.element.setAttribute('tabindex', '0')
    }
  }

  /** The columns whose cells have an element. */
  #columnsOf(y: number, { cells }: Row): readonly number[] {
    const { left, right } = this.viewport.rendered
    const isComplete = this.#isComplete(y)
    const isWanted = (x: number) => isComplete || this.#content.isFilled({ x, y }) || cells.get(x)?.isEmpty === false
    const pinned = [...this.#pins, this.#current].flatMap(pin => (pin.y === y ? [pin.x] : []))
    return union(span(left, right).filter(isWanted), pinned)
  }

  /** Whether empty cells of the row have an element, too. */
  #isComplete(y: number): boolean {
    const { left, top, right } = this.viewport.rendered
    return y >= top && (y - top + 1) * (right - left + 1) <= MAX_EMPTY_CELLS
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
