/** examples/data-grid: selections in AG Grid, which two people have sorted differently. */
import { expect, test } from '@jest/globals'
import type { Page } from 'playwright-core'
import { useServer } from '../support/rooms.ts'
import { waitFor } from '../support/wait-for.ts'
import { usePages } from './browser.ts'
import { useExample } from './example.ts'

const server = useServer('memory')
const example = useExample('data-grid')
const pages = usePages()

const cellOf = (page: Page, row: string, column: string) => page.locator(`[row-id="${row}"] [col-id="${column}"]`)
const selected = (page: Page) => page.locator('.selected-by-others')

/** The cities from top to bottom. */
async function cities(page: Page): Promise<string[]> {
  const cells = await page.locator('.ag-cell[col-id="city"]').all()
  const placed = await Promise.all(
    cells.map(async cell => ({ top: (await cell.boundingBox())?.y ?? 0, city: (await cell.textContent()) ?? '' })),
  )
  return placed.sort((a, b) => a.top - b.top).map(({ city }) => city)
}

test("a selection shows on the same row in two grids that are sorted differently, in the other's colour and name", async () => {
  const { url } = await example.start('start', { COLOCATE_URL: server.url })
  const alice = await pages.open(`${url}/?user=alice`)
  const bob = await pages.open(`${url}/?user=bob`)
  await cellOf(alice, 'osl', 'city').waitFor()
  await bob.getByRole('columnheader', { name: 'Population' }).click()
  await bob.locator('[aria-sort="ascending"]').waitFor()
  await waitFor('the rows are sorted', async () => (await cities(bob))[0] === 'Zurich')
  expect((await cities(alice))[0]).toBe('Berlin')

  await cellOf(alice, 'vie', 'country').click()
  const shown = cellOf(bob, 'vie', 'country').and(selected(bob))
  await shown.waitFor()
  expect(await selected(bob).count()).toBe(1)
  const style = await shown.evaluate(cell => getComputedStyle(cell, '::after').content)
  expect(style).toBe('"alice"')

  await cellOf(bob, 'zrh', 'population').click()
  await cellOf(alice, 'zrh', 'population').and(selected(alice)).waitFor()
  await cellOf(bob, 'par', 'city').click()
  await cellOf(alice, 'par', 'city').and(selected(alice)).waitFor()
  expect(await selected(alice).count()).toBe(1)

  await bob.getByRole('columnheader', { name: 'Country' }).click()
  await waitFor('the rows are sorted by another column', async () => (await cities(bob))[0] === 'Vienna')
  await shown.waitFor()
  await bob.close({ runBeforeUnload: true })
  await selected(alice).waitFor({ state: 'detached' })
})

test('it compiles, and Vite builds it', async () => {
  await example.run('check')
  await example.run('build')
})
