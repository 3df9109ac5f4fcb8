/** The page's parts that need no browser. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { Announcer } from '../../../web/page/announcer.ts'
import { Budget } from '../../../web/page/budget.ts'
import { areaName, areaOf, parseCells, ROWS } from '../../../web/page/cells.ts'
import { targetOf } from '../../../web/page/keys.ts'
import { ScrollMap } from '../../../web/page/scroll-map.ts'
import { metaOf, selectionName, selectionOf } from '../../../web/page/selection.ts'

const rowHeight = 28
const view = 600
const size = ROWS * rowHeight

function scrollMap(): ScrollMap {
  const map = new ScrollMap()
  map.resize(size, view)
  return map
}

test('the element is not taller than every browser allows, also at 200 % zoom', () => {
  expect(scrollMap().extent * 2).toBeLessThan(17_900_000)
})

test.each([0, 1, 250_000, 250_001, 5_000_000, size / 2, size - view - 250_001, size - view])(
  'a position of %i is reached exactly, within the element',
  position => {
    const map = scrollMap()
    const scroll = map.moveTo(position)
    expect(map.position).toBe(Math.round(position))
    expect(scroll).toBeGreaterThanOrEqual(0)
    expect(scroll).toBeLessThanOrEqual(map.extent - view)
  },
)

test('a small movement moves the sheet by as many pixels everywhere', () => {
  for (const position of [0, 1_000_000, size / 2, size - view - 1000]) {
    const map = scrollMap()
    const scroll = map.moveTo(position)
    map.onScroll(scroll + 100)
    expect(map.position).toBe(position + 100)
    map.onScroll(scroll + 10_100, true)
    expect(map.position).toBe(position + 10_100)
  }
})

test('a drag of the scrollbar to its middle shows the middle of the sheet, and to its end the last row', () => {
  const map = scrollMap()
  map.onScroll((map.extent - view) / 2)
  expect(Math.abs(map.position - (size - view) / 2)).toBeLessThan(rowHeight)
  map.onScroll(map.extent - view)
  expect(map.position).toBe(size - view)
  map.onScroll(0)
  expect(map.position).toBe(0)
})

test('a text names a cell or a range of the sheet, or nothing', () => {
  expect(parseCells('z1000')).toEqual({ from: { x: 25, y: 999 }, to: { x: 25, y: 999 } })
  expect(parseCells(' XFD1048576 ')?.from).toEqual({ x: 16_383, y: 1_048_575 })
  expect(parseCells('C3:d7')).toEqual({ from: { x: 2, y: 2 }, to: { x: 3, y: 6 } })
  for (const text of ['', 'A', '7', 'A0', 'XFE1', 'A1048577', 'A1:', 'A1:B2:C3', 'AAAA1', 'A-1'])
    expect(parseCells(text)).toBeUndefined()
})

test('a range is named from its top left cell', () => {
  expect(areaName(areaOf({ x: 3, y: 6 }, { x: 2, y: 2 }))).toBe('C3:D7')
  expect(selectionName(selectionOf({ x: 3, y: 6, meta: { to: { x: 2, y: 2 } } }))).toBe('C3:D7')
  expect(selectionName(selectionOf({ x: -3, y: 6, meta: { to: { x: 2, y: 2 } } }))).toBe('-3, 6')
})

test('the meta of a selection is read as it was written', () => {
  const range = { at: { x: 1, y: 1 }, to: { x: 2, y: 5 }, isEditing: true }
  expect(selectionOf({ x: 1, y: 1, meta: metaOf(range) ?? {} })).toEqual(range)
  expect(metaOf({ ...range, to: undefined, isEditing: false })).toBeNull()
})

test('Control with an arrow goes to the end of the filled cells, to the next filled cell, or to the edge', () => {
  const filled = new Set([2, 3, 4, 8])
  const context = { page: 10, isFilled: ({ y }: { y: number }) => filled.has(y) }
  const down = (y: number) => targetOf('ArrowDown', true, { ...context, from: { x: 0, y } })?.y
  expect([2, 4, 0, 8].map(down)).toEqual([4, 8, 2, ROWS - 1])
  expect(targetOf('ArrowUp', true, { ...context, from: { x: 0, y: 8 } })?.y).toBe(4)
  expect(targetOf('a', true, { ...context, from: { x: 0, y: 8 } })).toBeUndefined()
})

test('the totals of the budget follow a changed number', () => {
  const budget = new Budget()
  const total = { x: 2, y: 10 }
  expect(budget.text(total)).toBe('17,600')
  budget.set({ x: 2, y: 3 }, '5200')
  expect(budget.text(total)).toBe('18,600')
  expect(budget.text({ x: 4, y: 3 })).toBe('1,000')
  budget.set({ x: 2, y: 3 }, 'open')
  expect(budget.text(total)).toBe('13,400')
  expect(budget.isFilled({ x: 5, y: 5 })).toBe(false)
})

beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  jest.useRealTimers()
})

test('who came and left is announced at most once in 5 seconds, and a visit between two announcements never', () => {
  const region = { textContent: '' }
  const announcer = new Announcer(region as HTMLElement)
  announcer.enter(2)
  jest.advanceTimersByTime(0)
  expect(region.textContent).toBe('2 users are in this room.')
  announcer.join('a', 'Ada')
  announcer.join('b', 'Bo')
  announcer.leave('b', 'Bo')
  announcer.leave('c', 'Cy')
  announcer.follow('Ada', 'C3')
  announcer.follow('Ada', 'C4')
  jest.advanceTimersByTime(4999)
  expect(region.textContent).toBe('2 users are in this room.')
  jest.advanceTimersByTime(1)
  expect(region.textContent).toBe('Ada joined. Cy left. Ada is in C4.')
  for (const each of ['d', 'e', 'f', 'g']) announcer.join(each, each)
  jest.advanceTimersByTime(5000)
  expect(region.textContent).toBe('4 users joined.')
  jest.advanceTimersByTime(60_000)
  announcer.leave('d', 'Di')
  jest.advanceTimersByTime(0)
  expect(region.textContent).toBe('Di left.')
})
