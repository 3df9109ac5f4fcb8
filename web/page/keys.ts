/**
 * The cell that a key moves to, as in Google Sheets.
 */
import { COLUMNS, clampToSheet, type Place, ROWS } from './cells.ts'

export interface KeyContext {
  from: Place
  /** How many rows a page has. */
  page: number
  isFilled(place: Place): boolean
}

type Target = (context: KeyContext) => Place

const step =
  (dx: number, dy: number): Target =>
  ({ from: { x, y } }) => ({ x: x + dx, y: y + dy })

const KEYS: Record<string, Target> = {
  ArrowLeft: step(-1, 0),
  ArrowRight: step(1, 0),
  ArrowUp: step(0, -1),
  ArrowDown: step(0, 1),
  PageUp: ({ from: { x, y }, page }) => ({ x, y: y - page }),
  PageDown: ({ from: { x, y }, page }) => ({ x, y: y + page }),
  Home: ({ from: { y } }) => ({ x: 0, y }),
  End: ({ from: { y } }) => ({ x: COLUMNS - 1, y }),
  'Control+Home': () => ({ x: 0, y: 0 }),
  'Control+End': () => ({ x: COLUMNS - 1, y: ROWS - 1 }),
  'Control+ArrowLeft': context => edge(context, -1, 0),
  'Control+ArrowRight': context => edge(context, 1, 0),
  'Control+ArrowUp': context => edge(context, 0, -1),
  'Control+ArrowDown': context => edge(context, 0, 1),
}

/** How far the search for the next filled cell goes before it takes the edge of the sheet. */
const MAX_STEPS = 1000

/** Returns undefined for a key that moves to no cell. */
export function targetOf(key: string, withControl: boolean, context: KeyContext): Place | undefined {
  const target = KEYS[withControl ? `Control+${key}` : key]
  return target && clampToSheet(target(context))
}

/** The last cell of the filled block; from its end or from an empty cell, the next filled cell, or the sheet's edge. */
function edge({ from, isFilled }: KeyContext, dx: number, dy: number): Place {
  const at = (steps: number) => ({ x: from.x + dx * steps, y: from.y + dy * steps })
  const isInBlock = isFilled(from) && isFilled(at(1))
  for (let steps = 1; steps < MAX_STEPS; steps++) {
    if (isInBlock ? !isFilled(at(steps + 1)) : isFilled(at(steps))) return at(steps)
  }
  return at(ROWS)
}
