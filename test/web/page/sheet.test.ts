import { expect, test } from '@jest/globals'
import { cellName, cellOf, clampToSheet, placeName } from '../../../web/page/cells.ts'
import { safeColor, textColorOn } from '../../../web/page/colors.ts'
import { newVisitor } from '../../../web/page/new-visitor.ts'
import { parseQuery, visitUrl } from '../../../web/page/visit.ts'

test('cells are named by column and row', () => {
  expect(cellName({ x: 2, y: 2 })).toBe('C3')
  expect(cellName({ x: 25, y: 49 })).toBe('Z50')
  expect(cellName({ x: 26, y: 0 })).toBe('AA1')
  expect(cellName({ x: 16_383, y: 1_048_575 })).toBe('XFD1048576')
})

test('a fractional place is in the cell that contains it, and a place outside the sheet is in no cell', () => {
  expect(cellOf({ x: 2.9, y: 0.5 })).toEqual({ x: 2, y: 0 })
  for (const place of [
    { x: -0.5, y: 0 },
    { x: 16_384, y: 0 },
    { x: 0, y: 1_048_576 },
    { x: 1e300, y: 0 },
  ])
    expect(cellOf(place)).toBeUndefined()
  expect(placeName({ x: 2.9, y: 0.5 })).toBe('C1')
  expect(placeName({ x: -0.5, y: 1e300 })).toBe('-0.5, 1e+300')
})

test('a place outside the sheet is clamped to the nearest cell', () => {
  expect(clampToSheet({ x: -1, y: 2e6 })).toEqual({ x: 0, y: 1_048_575 })
})

test('text on any color has a contrast of at least 4.5', () => {
  const levels = ['00', '22', '55', '77', '99', 'bb', 'dd', 'ff']
  for (const r of levels)
    for (const g of levels) for (const b of levels) expect(contrast(`#${r}${g}${b}`)).toBeGreaterThan(4.5)
})

test('a value that is not #rrggbb becomes grey', () => {
  expect(safeColor('#E4572E')).toBe('#E4572E')
  for (const color of ['red', 'url(//evil)', '#12345', '#1234567', '']) expect(safeColor(color)).toBe('#5f6368')
})

test('a URL without a query is a visit to the lobby without a user', () => {
  const none = { user: undefined, name: undefined, token: undefined, hasBots: true }
  expect(parseQuery('')).toEqual({ ...none, room: 'lobby' })
  const alice = { room: 'budget', user: 'alice', name: 'Al ice' }
  expect(parseQuery('?room=budget&user=alice&name=Al%20ice')).toEqual({ ...none, ...alice })
  expect(parseQuery('?access_token=a.b.c&bots=0')).toEqual({ ...none, room: 'lobby', token: 'a.b.c', hasBots: false })
  expect(parseQuery('?room=&user=&name=')).toEqual(parseQuery(''))
})

test('the URL of a visit parses to the same visit and drops the query and hash of the page before', () => {
  const visit = { room: 'a:b~c', user: 'ä&=?#', name: '<b>' }
  const url = new URL(visitUrl(visit, 'https://host/sub/?room=x&user=me&access_token=secret#hash'))
  expect(parseQuery(url.search)).toMatchObject(visit)
  expect(url.href).not.toMatch(/secret|hash/)
  expect(url.pathname).toBe('/sub/')
})

test('every new visitor has a different and valid user id', () => {
  const users = Array.from({ length: 50 }, () => newVisitor('lobby'))
  expect(new Set(users.map(({ user }) => user)).size).toBe(50)
  for (const { user, name } of users) {
    expect(user).toMatch(/^[a-z]+-[a-z]+-[0-9a-z]{10}$/)
    expect(name).toMatch(/^[A-Z][a-z]+ [A-Z][a-z]+$/)
  }
})

/** The contrast ratio as WCAG 2 defines it, independent of the page's code. */
function contrast(color: string): number {
  const [ink = 0, paper = 0] = [luminance(textColorOn(color)), luminance(color)]
  return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)
}

function luminance(color: string): number {
  const value = Number.parseInt(color.slice(1), 16)
  const linear = (channel: number) => (channel <= 0.03928 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4)
  const [r, g, b] = [value >> 16, (value >> 8) & 255, value & 255].map(byte => linear(byte / 255))
  return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0)
}
