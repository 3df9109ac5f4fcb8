/**
 * Selection with mouse, pen and finger: a click selects a cell; a drag or a click with Shift selects a range; a double click
 * edits. A finger scrolls instead of dragging.
 */
import { clampToSheet, isSamePlace, type Place } from './cells.ts'
import type { Grid } from './grid.ts'

export interface PointerListeners {
  onMove(place: Place): void
  onExtend(place: Place): void
  onEdit(): void
}

export function watchPointer(root: HTMLElement, { viewport }: Grid, listeners: PointerListeners): void {
  let last: Place | undefined
  let isHandled = false
  const placeOf = (event: MouseEvent) => clampToSheet(viewport.placeAt(event.clientX, event.clientY))
  /** An empty cell may have no element. The target is `root` when it has captured the pointer. */
  const isOnCell = ({ target }: Event) =>
    target instanceof Element && target.closest('.head') === null && !(target instanceof HTMLInputElement)
  const select = (place: Place, isRange: boolean) => {
    last = place
    if (isRange) listeners.onExtend(place)
    else listeners.onMove(place)
  }

  root.addEventListener('pointerdown', event => {
    isHandled = event.pointerType !== 'touch' && event.button === 0 && isOnCell(event)
    if (!isHandled) return
    select(placeOf(event), event.shiftKey)
    root.setPointerCapture(event.pointerId)
  })
  root.addEventListener('pointermove', event => {
    if (!root.hasPointerCapture(event.pointerId)) return
    const place = placeOf(event)
    if (!isSamePlace(place, last)) select(place, true)
  })
  // The browser would focus the clicked cell. With Shift, the focus stays where the range begins.
  root.addEventListener('mousedown', event => isOnCell(event) && event.preventDefault())
  // Fingers and assistive technology; a mouse is handled already.
  root.addEventListener('click', event => {
    if (isOnCell(event) && !isHandled) select(placeOf(event), event.shiftKey)
    isHandled = false
  })
  root.addEventListener('dblclick', event => isOnCell(event) && listeners.onEdit())
}
