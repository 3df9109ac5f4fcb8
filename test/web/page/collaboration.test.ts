/** What a user of the page sees of others: ranges, edits, and where they are. */
import { expect, test } from '@jest/globals'
import { waitFor } from '../../support/wait-for.ts'
import { cell, isAt, marker, roster, useRoomWindows } from './room-windows.ts'

const suite = useRoomWindows()
const alice = { user: 'alice', name: 'Alice' }
const bob = { user: 'bob', name: 'Bob' }

test('Shift with a click selects a range, which others see as an outline', async () => {
  const first = await suite.visit(alice)
  const second = await suite.visit(bob)
  await cell(first, 'C3').click()
  await cell(first, 'D7').click({ modifiers: ['Shift'] })
  await second.page.locator('[data-cell=C3] [data-user=alice][data-range="C3:D7"]').waitFor()
  const [outline, from, to] = await Promise.all(
    [marker(second, 'alice'), cell(second, 'C3'), cell(second, 'D7')].map(each => each.boundingBox()),
  )
  expect(Math.abs((outline?.x ?? 0) - (from?.x ?? 0))).toBeLessThan(2)
  expect(Math.abs((outline?.height ?? 0) - ((to?.y ?? 0) + (to?.height ?? 0) - (from?.y ?? 0)))).toBeLessThan(3)
  expect(await first.page.locator('[aria-selected=true]').count()).toBe(10)
  expect(await first.page.inputValue('#here')).toBe('C3:D7')
  await cell(first, 'B2').click()
  await second.sees('alice', 'B2')
  expect(await marker(second, 'alice').getAttribute('data-range')).toBeNull()
})

test('a drag selects a range in any direction', async () => {
  const first = await suite.visit(alice)
  const second = await suite.visit(bob)
  await cell(first, 'D7').hover()
  await first.page.mouse.down()
  await cell(first, 'C5').hover()
  await cell(first, 'B4').hover()
  await first.page.mouse.up()
  await second.page.locator('[data-cell=D7] [data-user=alice][data-range="B4:D7"]').waitFor()
})

test('Shift with arrow keys grows and shrinks the range from the same cell', async () => {
  const first = await suite.visit(alice)
  const second = await suite.visit(bob)
  await cell(first, 'C3').click()
  for (const key of ['ArrowRight', 'ArrowDown', 'ArrowDown']) await first.page.keyboard.press(`Shift+${key}`)
  await second.page.locator('[data-cell=C3] [data-range="C3:D5"]').waitFor()
  for (const key of ['ArrowUp', 'ArrowUp', 'ArrowLeft']) await first.page.keyboard.press(`Shift+${key}`)
  await isAt(second, 'alice', 'C3')
  expect(await marker(second, 'alice').getAttribute('data-range')).toBeNull()
  await first.page.keyboard.press('ArrowDown')
  await second.sees('alice', 'C4')
})

test('a part of a range is visible while its first cell is far away', async () => {
  const first = await suite.visit(alice)
  await suite.publish({ user: 'wide', x: 2, y: 5000, meta: { to: { x: 2, y: 0 } } })
  const outline = marker(first, 'wide')
  await outline.waitFor()
  expect(await outline.getAttribute('data-range')).toBe('C1:C5001')
  const [box, top] = [await outline.boundingBox(), await cell(first, 'C1').boundingBox()]
  expect(Math.abs((box?.y ?? 0) - (top?.y ?? 0))).toBeLessThan(2)
  expect(box?.height).toBeGreaterThan(400)
})

test.each(['nonsense', { to: 'x' }, { to: { x: null, y: 3 } }, { to: { x: 1 }, editing: 'yes' }])(
  'the meta %j of another client is shown as a single cell',
  async meta => {
    const first = await suite.visit(alice)
    await suite.publish({ user: 'other', x: 2, y: 2, ...(typeof meta === 'object' && { meta }) })
    await first.sees('other', 'C3')
    expect(await marker(first, 'other').getAttribute('data-range')).toBeNull()
    expect(await marker(first, 'other').getAttribute('class')).not.toContain('editing')
    expect(first.errors).toEqual([])
  },
)

test.each(['F2', 'typing', 'a double click'])('%s edits: others see it, and the text stays in this tab', async how => {
  const first = await suite.visit(alice)
  const second = await suite.visit(bob)
  await cell(first, 'D6').click()
  await first.sees('alice', 'D6')
  if (how === 'typing') await first.page.keyboard.press('7')
  else if (how === 'F2') await first.page.keyboard.press('F2')
  else await cell(first, 'D6').dblclick()
  const field = first.page.locator('.editor')
  expect(await field.inputValue()).toBe(how === 'typing' ? '7' : '5,460')
  await second.page.locator('[data-user=alice].editing').waitFor()
  await second.page.locator('[data-cell=D6][aria-label*="Alice is editing"]').waitFor()
  expect(await first.page.locator('#hint').textContent()).toContain('stays in this tab')
  await field.fill('5000')
  await first.page.keyboard.press('Enter')
  await second.sees('alice', 'D7')
  await second.page.locator('[data-user=alice]:not(.editing)').waitFor()
  expect(await cell(first, 'D6').locator('.text').textContent()).toBe('5,000')
  expect(await cell(first, 'D11').locator('.text').textContent()).toBe('15,475')
  expect(await cell(second, 'D6').locator('.text').textContent()).toBe('5,460')
})

test('Escape ends an edit without a change, and Tab moves to the right', async () => {
  const first = await suite.visit(alice)
  await cell(first, 'C5').click()
  await first.page.keyboard.type('1')
  await first.page.keyboard.press('Escape')
  expect(await cell(first, 'C5').locator('.text').textContent()).toBe('2,660')
  await first.page.keyboard.type('1')
  await first.page.keyboard.press('Tab')
  await first.sees('alice', 'D5')
  expect(await cell(first, 'C5').locator('.text').textContent()).toBe('1')
  expect(await first.page.evaluate(() => (document.activeElement as HTMLElement).dataset.cell)).toBe('D5')
})

test('the name box jumps to any cell or range of the sheet, and refuses anything else', async () => {
  const first = await suite.visit(alice)
  const second = await suite.visit(bob)
  const { page } = first
  const go = async (text: string) => {
    await page.fill('#here', text)
    await page.press('#here', 'Enter')
  }
  for (const name of ['Z1000', 'XFD1048576', 'A524288', 'C4']) {
    await go(name.toLowerCase())
    await isAt(second, 'alice', name)
    const box = await cell(first, name).boundingBox()
    expect((box?.y ?? 0) > 100 && (box?.y ?? 999) < 730).toBe(true)
    expect(await page.evaluate(() => (document.activeElement as HTMLElement).dataset.cell)).toBe(name)
  }
  await go('C3:D7')
  await isAt(second, 'alice', 'C3:D7')
  await go('A1048577')
  expect(await page.getAttribute('#here', 'aria-invalid')).toBe('true')
  await page.press('#here', 'Escape')
  expect(await page.inputValue('#here')).toBe('C3:D7')
})

test('an indicator at the edge says who is beyond it, and scrolls to the nearest', async () => {
  const first = await suite.visit(alice)
  await suite.publish([
    { user: 'low', name: 'Low', x: 1, y: 300 },
    { user: 'lower', name: 'Lower', x: 1, y: 900_000 },
    { user: 'right', name: 'Right', x: 900, y: 1 },
  ])
  const { page } = first
  await page.locator('[data-edge=bottom]', { hasText: '2 people' }).waitFor()
  await page.locator('[data-edge=right]', { hasText: 'Right' }).waitFor()
  await page.click('[data-edge=bottom]')
  await first.sees('low', 'B301')
  await page.locator('[data-edge=top]', { hasText: 'Alice' }).waitFor({ state: 'detached' })
  await page.click('[data-edge=bottom]')
  await first.sees('lower', 'B900001')
})

test('the view follows the collaborator of a clicked avatar until the user moves', async () => {
  const first = await suite.visit(alice)
  await suite.publish({ user: 'bob', name: 'Bob', x: 1, y: 700 })
  await first.page.click('[data-avatar=bob]')
  await first.sees('bob', 'B701')
  expect(await first.page.getAttribute('[data-avatar=bob]', 'aria-pressed')).toBe('true')
  await suite.publish({ user: 'bob', name: 'Bob', x: 60, y: 200_000 })
  await first.sees('bob', 'BI200001')
  await first.page.locator('[aria-live]', { hasText: 'Bob is in BI200001.' }).waitFor()
  await isAt(first, 'alice', 'A1')
  await first.page.keyboard.press('ArrowDown')
  await first.sees('alice', 'A2')
  expect(await first.page.getAttribute('[data-avatar=bob]', 'aria-pressed')).toBe('false')
  await suite.publish({ user: 'bob', name: 'Bob', x: 0, y: 300_000 })
  await isAt(first, 'bob', 'A300001')
  expect(await cell(first, 'A2').isVisible()).toBe(true)
})

test('the flag of a collaborator folds after a moment, and unfolds on hover', async () => {
  const first = await suite.visit(alice)
  await suite.publish({ user: 'bob', name: 'Bob', x: 2, y: 5 })
  const flag = marker(first, 'bob').locator('.flag')
  const opacity = () => flag.evaluate(element => Number(getComputedStyle(element).opacity))
  await marker(first, 'bob').and(first.page.locator('.fresh')).waitFor()
  await first.page.locator('[data-user=bob]:not(.fresh)').waitFor()
  await waitFor('opacity is 0', async () => (await opacity()) === 0)
  await cell(first, 'C6').hover()
  await waitFor('opacity is 1', async () => (await opacity()) === 1)
})

test('a collaborator who has not moved for a minute dims, and does not disappear', async () => {
  const first = await suite.visit(alice)
  await suite.publish({ user: 'bob', name: 'Bob', x: 2, y: 5 })
  await first.sees('bob', 'C6')
  await first.page.clock.install()
  await first.page.reload()
  await first.sees('bob', 'C6')
  await first.page.clock.fastForward(70_000)
  await first.page.locator('[data-user=bob].idle').waitFor()
  await roster(first, 'bob').and(first.page.locator('.idle')).waitFor()
  await suite.publish({ user: 'bob', name: 'Bob', x: 2, y: 6 })
  await first.page.locator('[data-cell=C7] [data-user=bob]:not(.idle)').waitFor()
})

test('a cut right-to-left name keeps its beginning', async () => {
  const first = await suite.visit(alice)
  const name = 'محمد عبد الرحمن بن عبد الله آل سعود بن فيصل الطويل'
  await suite.publish({ user: 'm', name, x: 2, y: 5 })
  const flag = marker(first, 'm').locator('bdi')
  await flag.waitFor()
  const [width, isCut, direction] = await flag.evaluate((element: HTMLElement) => [
    element.offsetWidth,
    element.scrollWidth > element.offsetWidth,
    getComputedStyle(element).direction,
  ])
  expect(direction).toBe('rtl')
  expect(isCut).toBe(true)
  expect(width).toBeLessThan(200)
})

test('the view stays where it is when the wheel goes through many screens in the middle of the sheet', async () => {
  const first = await suite.visit(alice)
  const { page } = first
  await page.fill('#here', 'A500000')
  await page.press('#here', 'Enter')
  await cell(first, 'A500000').hover()
  const topRow = () =>
    page.evaluate(() => {
      const { left, top } = document.querySelector('#scroller')?.getBoundingClientRect() ?? { left: 0, top: 0 }
      return Number(document.elementFromPoint(left + 10, top + 60)?.textContent)
    })
  const before = await topRow()
  for (let turns = 0; turns < 40; turns++) await page.mouse.wheel(0, 280)
  await waitFor('400 rows further', async () => (await topRow()) === before + 400)
  expect(await page.evaluate(() => document.getElementsByTagName('*').length)).toBeLessThan(3000)
})
