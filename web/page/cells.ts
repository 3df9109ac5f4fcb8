/**
 * The cells of the sheet: their names, and areas of several cells. The sheet has the size of one in Excel.
 */

export interface Place {
  x: number
  y: number
}

/** A rectangle of cells. All four are inside. */
export interface Area {
  left: number
  top: number
  right: number
  bottom: number
}

export const COLUMNS = 16_384
export const ROWS = 1_048_576

/** `A` to `Z`, then `AA`: digits from 1 to 26, without a zero. */
export function columnName(x: number): string {
  const rest = Math.floor(x / 26)
  return (rest > 0 ? columnName(rest - 1) : '') + String.fromCharCode(65 + (x % 26))
}

/** Returns the cell that contains a place, or undefined outside the sheet: another client's sheet may be larger. */
export function cellOf({ x, y }: Place): Place | undefined {
  const cell = { x: Math.floor(x), y: Math.floor(y) }
  return cell.x >= 0 && cell.x < COLUMNS && cell.y >= 0 && cell.y < ROWS ? cell : undefined
}

export const cellName = ({ x, y }: Place) => `${columnName(x)}${y + 1}`

/** Returns the text that the page shows for a place: the cell's name, or both numbers outside the sheet. */
export function placeName(place: Place): string {
  const cell = cellOf(place)
  return cell ? cellName(cell) : `${shorten(place.x)}, ${shorten(place.y)}`
}

/** Returns the cells that a text such as `Z1000` or `c3:d7` names, or undefined if it names none of this sheet. */
export function parseCells(text: string): { from: Place; to: Place } | undefined {
  const names = text.split(':')
  const [from, to] = [names[0], names.at(-1)].map(name => parseCell(name ?? ''))
  return from && to && names.length <= 2 ? { from, to } : undefined
}

function parseCell(name: string): Place | undefined {
  const [, letters, digits] = /^\s*([a-z]{1,3})([1-9]\d{0,6})\s*$/i.exec(name) ?? []
  if (!letters || !digits) return undefined
  const column = [...letters.toUpperCase()].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0)
  return cellOf({ x: column - 1, y: Number(digits) - 1 })
}

export const clampToSheet = ({ x, y }: Place): Place => ({
  x: Math.min(Math.max(Math.floor(x), 0), COLUMNS - 1),
  y: Math.min(Math.max(Math.floor(y), 0), ROWS - 1),
})

export const areaOf = (a: Place, b: Place): Area => ({
  left: Math.min(a.x, b.x),
  top: Math.min(a.y, b.y),
  right: Math.max(a.x, b.x),
  bottom: Math.max(a.y, b.y),
})

export const areaName = ({ left, top, right, bottom }: Area) =>
  `${cellName({ x: left, y: top })}:${cellName({ x: right, y: bottom })}`

export const contains = ({ left, top, right, bottom }: Area, { x, y }: Place) =>
  x >= left && x <= right && y >= top && y <= bottom

export function overlap(a: Area, b: Area): Area | undefined {
  const area = {
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  }
  return area.left <= area.right && area.top <= area.bottom ? area : undefined
}

export const isSamePlace = (a: Place | undefined, b: Place | undefined) => a?.x === b?.x && a?.y === b?.y

const shorten = (value: number) => String(Number(value.toPrecision(6)))
