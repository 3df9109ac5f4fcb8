/**
 * The cells of the sheet: their names and how far they go.
 */

export interface Place {
  x: number
  y: number
}

export const COLUMNS = 26
export const ROWS = 50

export const columnName = (x: number) => String.fromCharCode(65 + x)

/** The cell that a place is in; none for a place outside this sheet, which another client's sheet may well have. */
export function cellOf({ x, y }: Place): Place | undefined {
  const cell = { x: Math.floor(x), y: Math.floor(y) }
  return inSheet(cell) ? cell : undefined
}

export const cellName = ({ x, y }: Place) => `${columnName(x)}${y + 1}`

/** For people: the cell's name, or the bare numbers where there is no cell. */
export function placeName(place: Place): string {
  const cell = cellOf(place)
  return cell ? cellName(cell) : `${brief(place.x)}, ${brief(place.y)}`
}

export const clampToSheet = ({ x, y }: Place): Place => ({
  x: Math.min(Math.max(x, 0), COLUMNS - 1),
  y: Math.min(Math.max(y, 0), ROWS - 1),
})

const inSheet = ({ x, y }: Place) => x >= 0 && x < COLUMNS && y >= 0 && y < ROWS

const brief = (value: number) => String(Number(value.toPrecision(6)))
