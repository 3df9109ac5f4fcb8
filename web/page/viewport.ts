/**
 * The part of the sheet that is visible: which cells, where they are in the scrolled element, and scrolling to others.
 */
import { type Area, COLUMNS, type Place, ROWS } from './cells.ts'
import { ScrollMap } from './scroll-map.ts'

/** Rows and columns that are rendered beyond each edge, so that fast scrolling shows no gaps. */
const OVERSCAN = { rows: 3, columns: 1 }
const SETTLE_MS = 200
/** Scrolling goes on for so long after a turn of the wheel or a movement of a finger. */
const WHEEL_MS = 1000
/** A smooth scroll over more views than this takes too long. */
const SMOOTH_VIEWS = 3

/** In CSS pixels. */
interface Sizes {
  column: number
  row: number
  /** The width of the row headers. */
  head: number
}

export class Viewport {
  readonly #scroller: HTMLElement
  readonly #root: HTMLElement
  readonly #onChange: () => void
  readonly #rows = new ScrollMap()
  #sizes: Sizes = { column: 1, row: 1, head: 1 }
  #visible: Area = { left: 0, top: 0, right: 0, bottom: 0 }
  #key = ''
  #wheeledAt = Number.NEGATIVE_INFINITY
  #timer: ReturnType<typeof setTimeout> | undefined

  /** Calls `onChange` when the cells to render, or their positions, have changed. */
  constructor(scroller: HTMLElement, root: HTMLElement, onChange: () => void) {
    this.#scroller = scroller
    this.#root = root
    this.#onChange = onChange
    scroller.addEventListener('scroll', () => this.#onScroll())
    const onWheel = ({ timeStamp }: Event) => {
      this.#wheeledAt = timeStamp
    }
    for (const type of ['wheel', 'touchmove']) scroller.addEventListener(type, onWheel, { passive: true })
    const observer = new ResizeObserver(() => this.#measure())
    observer.observe(scroller)
    // A cell of the header, whose size the stylesheet sets.
    for (const head of root.querySelectorAll('.measure')) observer.observe(head)
    this.#measure()
  }

  /** The cells that are at least partly visible. */
  get visible(): Area {
    return this.#visible
  }

  /** The cells to render. */
  get rendered(): Area {
    const { left, top, right, bottom } = this.#visible
    return {
      left: Math.max(left - OVERSCAN.columns, 0),
      top: Math.max(top - OVERSCAN.rows, 0),
      right: Math.min(right + OVERSCAN.columns, COLUMNS - 1),
      bottom: Math.min(bottom + OVERSCAN.rows, ROWS - 1),
    }
  }

  /** How many rows a page has. */
  get pageRows(): number {
    return Math.max(1, Math.floor(this.#view.height / this.#sizes.row) - 1)
  }

  get sizes(): Sizes {
    return this.#sizes
  }

  /** The position of a column in the element, in pixels. A column that is not rendered has the position before the first or after the last rendered one. */
  leftOf(x: number): number {
    const { left, right } = this.rendered
    return this.#sizes.head + Math.min(Math.max(x, left - 1), right + 1) * this.#sizes.column
  }

  topOf(y: number): number {
    const { top, bottom } = this.rendered
    const { row } = this.#sizes
    return row + Math.min(Math.max(y, top - 1), bottom + 1) * row - this.#rows.offset
  }

  /** Returns the cell at a point of the window. It may be outside the sheet. */
  placeAt(clientX: number, clientY: number): Place {
    const { left, top } = this.#scroller.getBoundingClientRect()
    const { column, row, head } = this.#sizes
    return {
      x: Math.floor((clientX - left - head + this.#scroller.scrollLeft) / column),
      y: Math.floor((clientY - top - row + this.#rows.position) / row),
    }
  }

  /** Scrolls as little as possible; with `isCentered`, a cell that is not entirely visible is moved to the center. */
  reveal({ x, y }: Place, { isCentered = false, isSmooth = false } = {}): void {
    const { column, row } = this.#sizes
    const { width, height } = this.#view
    const left = revealed(this.#scroller.scrollLeft, width, x * column, column, isCentered)
    const top = revealed(this.#rows.position, height, y * row, row, isCentered)
    const moved = { left: left - this.#scroller.scrollLeft, top: top - this.#rows.position }
    if (isSmooth && Math.abs(moved.left) < SMOOTH_VIEWS * width && Math.abs(moved.top) < SMOOTH_VIEWS * height)
      this.#scroller.scrollBy({ ...moved, behavior: 'smooth' })
    else if (moved.left !== 0 || moved.top !== 0) {
      this.#scroller.scrollLeft = left
      this.#scrollTo(top)
    }
  }

  get #view() {
    const { clientWidth, clientHeight } = this.#scroller
    return { width: clientWidth - this.#sizes.head, height: clientHeight - this.#sizes.row }
  }

  #measure(): void {
    const [corner, column] = [...this.#root.querySelectorAll<HTMLElement>('.measure')]
    if (!corner?.offsetWidth || !column) return
    const { position } = this.#rows
    const firstRow = position / this.#sizes.row
    this.#sizes = { column: column.offsetWidth, row: corner.offsetHeight, head: corner.offsetWidth }
    this.#rows.resize(ROWS * this.#sizes.row, this.#view.height)
    const { column: width, row: height, head } = this.#sizes
    const { style } = this.#root
    style.setProperty('--cell-width', `${width}px`)
    style.setProperty('--cell-height', `${height}px`)
    style.width = `${head + COLUMNS * width}px`
    style.height = `${height + this.#rows.extent}px`
    this.#scrollTo(firstRow * height)
  }

  #onScroll(): void {
    this.#rows.onScroll(this.#scroller.scrollTop, performance.now() - this.#wheeledAt < WHEEL_MS)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#scrollTo(this.#rows.position), SETTLE_MS)
    this.#update()
  }

  /**
   * Scrolls to a position in the sheet. Also called with the current position after a scroll: after many small
   * movements, the scrollbar may no longer be in proportion to it.
   */
  #scrollTo(position: number): void {
    const scroll = this.#rows.moveTo(position)
    if (Math.round(this.#scroller.scrollTop) !== scroll) this.#scroller.scrollTop = scroll
    this.#update()
  }

  #update(): void {
    const { column, row } = this.#sizes
    const { width, height } = this.#view
    const [x, y] = [this.#scroller.scrollLeft, this.#rows.position]
    this.#visible = {
      left: Math.max(Math.floor(x / column), 0),
      top: Math.max(Math.floor(y / row), 0),
      right: Math.min(Math.ceil((x + width) / column), COLUMNS) - 1,
      bottom: Math.min(Math.ceil((y + height) / row), ROWS) - 1,
    }
    const key = [...Object.values(this.#visible), ...Object.values(this.#sizes), this.#rows.offset].join()
    if (key === this.#key) return
    this.#key = key
    this.#onChange()
  }
}

/** Where to scroll so that a cell of a size is visible. Returns the same position if it is visible already. */
function revealed(position: number, view: number, start: number, size: number, isCentered: boolean): number {
  const isVisible = start >= position && start + size <= position + view
  if (isVisible) return position
  if (isCentered) return Math.max(Math.round(start - (view - size) / 2), 0)
  return start < position || size > view ? start : Math.ceil(start + size - view)
}
