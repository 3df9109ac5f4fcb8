/**
 * The animations of the markers. With reduced motion, and in a hidden tab, nothing moves.
 */
import type { Place } from './cells.ts'
import { prefersReducedMotion } from './elements.ts'

const mayAnimate = () => !document.hidden && !prefersReducedMotion()

export function animateArrival(marker: HTMLElement): void {
  if (!mayAnimate()) return
  const from = { opacity: 0, transform: 'scale(.7)' }
  marker.animate([from, { opacity: 1, transform: 'none' }], { duration: 220, easing: 'cubic-bezier(.3, 1.6, .6, 1)' })
}

/**
 * Moves the marker from the old cell to the new one, which already contains it. The animation adds to those that still run,
 * so fast moves result in one smooth path.
 */
export function animateMove(marker: HTMLElement, from: Place, to: Place): void {
  if (!mayAnimate() || (from.x === to.x && from.y === to.y)) return
  const offset = `translate(calc(var(--cell-width) * ${from.x - to.x}), calc(var(--cell-height) * ${from.y - to.y}))`
  const keyframes = [{ transform: offset }, { transform: 'translate(0, 0)' }]
  marker.animate(keyframes, { duration: 180, easing: 'cubic-bezier(.2, .8, .2, 1)', composite: 'add' })
}

/** Draws attention to a cell that the user asked for. */
export function flash(cell: HTMLElement): void {
  if (mayAnimate()) cell.animate([{ backgroundColor: 'var(--flash)' }, {}], { duration: 1200, easing: 'ease-out' })
}
