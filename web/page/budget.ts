/**
 * What the sheet contains: a small budget with sums. Changes stay in this tab, because Colocate stores no documents.
 */
import { cellName, type Place } from './cells.ts'

export type Kind = 'title' | 'head' | 'text' | 'total'

type Formula = (budget: Budget) => number

interface Content {
  text: string
  formula: Formula | undefined
}

const ITEMS: [item: string, owner: string, planned: number, actual: number][] = [
  ['Venue', 'Mira', 4200, 4200],
  ['Train tickets', 'Jonas', 2660, 2415],
  ['Hotel', 'Mira', 5880, 5460],
  ['Meals', 'Sana', 1960, 1720],
  ['Workshop', 'Leo', 1500, 1500],
  ['Evening', 'Sana', 900, 640],
  ['Reserve', 'Leo', 500, 0],
]
const HEADS = ['Item', 'Owner', 'Planned', 'Actual', 'Left']
/** Rows of the sheet, zero-based. */
const HEAD_ROW = 2
const FIRST_ROW = 3
const TOTAL_ROW = FIRST_ROW + ITEMS.length
const PLANNED = 2
const ACTUAL = 3
const LEFT = 4

const format = new Intl.NumberFormat('en')
const parse = (text: string) => (text.trim() === '' ? Number.NaN : Number(text.replaceAll(',', '')))

export class Budget {
  readonly #contents = new Map<string, Content>()

  constructor() {
    this.#put(0, 0, 'Team offsite')
    for (const [x, head] of HEADS.entries()) this.#put(x, HEAD_ROW, head)
    for (const [index, item] of ITEMS.entries()) this.#putItem(FIRST_ROW + index, item)
    this.#put(0, TOTAL_ROW, 'Total')
    for (const x of [PLANNED, ACTUAL, LEFT]) this.#compute(x, TOTAL_ROW, budget => budget.#sumAbove(x))
  }

  /** Returns the text that the cell shows. */
  text(place: Place): string {
    const content = this.#contents.get(cellName(place))
    if (content?.formula) return format.format(content.formula(this))
    const value = parse(content?.text ?? '')
    return Number.isFinite(value) ? format.format(value) : (content?.text ?? '')
  }

  /** Numbers, and the heads of their columns. */
  isRightAligned({ x, y }: Place): boolean {
    return this.#isNumber({ x, y: y === HEAD_ROW ? FIRST_ROW : y })
  }

  kind(place: Place): Kind {
    if (place.x === 0 && place.y === 0) return 'title'
    if (place.y === HEAD_ROW) return 'head'
    if (place.y === TOTAL_ROW && place.x <= LEFT) return 'total'
    return 'text'
  }

  #isNumber(place: Place): boolean {
    return Number.isFinite(parse(this.text(place)))
  }

  isFilled(place: Place): boolean {
    return this.#contents.has(cellName(place))
  }

  set({ x, y }: Place, text: string): void {
    if (text.trim() === '') this.#contents.delete(cellName({ x, y }))
    else this.#put(x, y, text)
  }

  #putItem(y: number, [item, owner, planned, actual]: (typeof ITEMS)[number]): void {
    for (const [x, value] of [item, owner, planned, actual].entries()) this.#put(x, y, String(value))
    this.#compute(LEFT, y, budget => budget.#value(PLANNED, y) - budget.#value(ACTUAL, y))
  }

  #put(x: number, y: number, text: string): void {
    this.#contents.set(cellName({ x, y }), { text, formula: undefined })
  }

  #compute(x: number, y: number, formula: Formula): void {
    this.#contents.set(cellName({ x, y }), { text: '', formula })
  }

  /** Text counts as zero. */
  #value(x: number, y: number): number {
    return parse(this.text({ x, y })) || 0
  }

  #sumAbove(x: number): number {
    return ITEMS.reduce((sum, _, index) => sum + this.#value(x, FIRST_ROW + index), 0)
  }
}
