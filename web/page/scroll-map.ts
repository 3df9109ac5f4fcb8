/**
 * Maps the scroll position of an element to a position in the sheet.
 *
 * A million rows are taller than an element may be: Firefox takes 17.9 million device pixels, Chromium 33.5 million. So
 * the element is shorter than the sheet, and the positions differ by an offset. Small movements keep the offset, so a
 * wheel moves by whole pixels everywhere. A drag of the scrollbar is mapped in proportion. Near both ends, where most
 * sheets have all their content, the positions correspond without scaling.
 */
const MAX_EXTENT = 8_000_000
const UNSCALED = 250_000
/** A movement by more views than this is a drag of the scrollbar. */
const DRAG_VIEWS = 5

export class ScrollMap {
  #size = 0
  #view = 0
  #scroll = 0
  #offset = 0

  /** The height of the element, in pixels. */
  get extent(): number {
    return Math.min(this.#size, MAX_EXTENT)
  }

  /** The position in the sheet of the first visible pixel. */
  get position(): number {
    return this.#scroll + this.#offset
  }

  /** The difference between a position in the sheet and the corresponding position in the element. */
  get offset(): number {
    return this.#offset
  }

  resize(size: number, view: number): void {
    this.#size = size
    this.#view = view
  }

  /** The element was scrolled; `isByWheel`: not by the scrollbar, however far. */
  onScroll(scroll: number, isByWheel = false): void {
    const isDrag = !isByWheel && Math.abs(scroll - this.#scroll) > DRAG_VIEWS * this.#view
    this.#scroll = scroll
    if (isDrag) this.#offset = Math.round(this.#positionAt(scroll) - scroll)
  }

  /** Returns where to scroll the element for a position in the sheet. The caller scrolls it there. */
  moveTo(position: number): number {
    const wanted = Math.round(Math.min(Math.max(position, 0), this.#size - this.#view))
    this.#scroll = Math.round(this.#scrollAt(wanted))
    this.#offset = wanted - this.#scroll
    return this.#scroll
  }

  #positionAt(scroll: number): number {
    const { unscaled, rest, extent } = this.#scale()
    const end = extent - this.#view
    if (scroll <= unscaled) return scroll
    if (scroll >= end - unscaled) return this.#size - extent + scroll
    return unscaled + (scroll - unscaled) * rest
  }

  #scrollAt(position: number): number {
    const { unscaled, rest, extent } = this.#scale()
    const end = this.#size - this.#view
    if (position <= unscaled) return position
    if (position >= end - unscaled) return position - this.#size + extent
    return unscaled + (position - unscaled) / rest
  }

  /** `rest` is how many pixels of the sheet one pixel of the element stands for, between both ends. */
  #scale() {
    const { extent } = this
    const unscaled = Math.min(UNSCALED, (extent - this.#view) / 2)
    const scaled = extent - this.#view - 2 * unscaled
    return { extent, unscaled, rest: scaled > 0 ? (this.#size - this.#view - 2 * unscaled) / scaled : 1 }
  }
}
