/**
 * The cells of the sheet: their names, and the size of the sheet.
 */

export interface Place {
  x: number
  y: number
}

export const COLUMNS = 26
export const ROWS = 50

export const columnName = (x: number) => String.fromCharCode(65 + x)

/** Returns the cell that contains a place, or undefined outside this sheet: another client's sheet may be larger. */
export function cellOf({ x, y }: Place): Place | undefined {
  const cell = { x: Math.floor(x), y: Math.floor(y) }
  return isInSheet(cell) ? cell : undefined
}

export const cellName = ({ x, y }: Place) => `${columnName(x)}${y + 1}`

/** Returns the text that the page shows for a place: the cell's name, or both numbers outside the sheet. */
export function placeName(place: Place): string {
  const cell = cellOf(place)
  return cell ? cellName(cell) : `${shorten(place.x)}, ${shorten(place.y)}`
}

export const clampToSheet = ({ x, y }: Place): Place => ({
  x: Math.min(Math.max(x, 0), COLUMNS - 1),
  y: Math.min(Math.max(y, 0), ROWS - 1),
})

const isInSheet = ({ x, y }: Place) => x >= 0 && x < COLUMNS && y >= 0 && y < ROWS

const shorten = (value: number) => String(Number(value.toPrecision(6)))
