/** Pages in Chromium, each with a profile of its own, as if each belonged to another person. */
import { afterAll, beforeAll } from '@jest/globals'
import type { Browser, Page } from 'playwright-core'
import { launch } from '../web/page/browser.ts'

export interface Pages {
  open(url: string): Promise<Page>
}

/** Starts Chromium before the tests of the file, and closes it after them. */
export function usePages(): Pages {
  let browser: Browser | undefined
  beforeAll(async () => {
    browser = await launch()
  }, 60_000)
  afterAll(() => browser?.close())
  return {
    async open(url) {
      const context = await (browser as Browser).newContext()
      const page = await context.newPage()
      // Less than a test may take, so that a failure names the element that is missing.
      page.setDefaultTimeout(30_000)
      await page.goto(url)
      return page
    },
  }
}

/** The cell in a column and a row of the page's table, both zero-based. */
export function cellOf(page: Page, x: number, y: number) {
  return page.locator(`tr:nth-child(${y + 1}) td:nth-child(${x + 1})`)
}
