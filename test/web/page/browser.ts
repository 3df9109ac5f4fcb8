/**
 * A real browser, and windows in it that keep count of everything that went wrong in them.
 */
import { type Browser, type BrowserContextOptions, chromium, type LaunchOptions, type Page } from 'playwright-core'

export const launch = (options: LaunchOptions = {}): Promise<Browser> =>
  chromium.launch({
    ...options,
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })

export interface Window {
  page: Page
  /**
   * Errors and warnings on the console, uncaught errors, violations of the Content Security Policy, requests to another
   * host.
   */
  troubles: string[]
  /** Resolves once that collaborator is in that cell. */
  sees(user: string, cell: string): Promise<void>
  /** Resolves once nothing of that collaborator is left. */
  misses(user: string): Promise<void>
  /** Resolves once the page says so. */
  says(status: string): Promise<void>
  close(): Promise<void>
}

/** A window of a browser profile of its own. */
export async function openWindow(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Window> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 760 }, ...options })
  const page = await context.newPage()
  return { ...(await watch(page, url)), close: () => context.close() }
}

/** A window of the same profile: the same cookies, the same person. */
export async function openBeside(window: Window, url: string): Promise<Window> {
  const page = await window.page.context().newPage()
  return { ...(await watch(page, url)), close: () => page.close() }
}

async function watch(page: Page, url: string): Promise<Omit<Window, 'close'>> {
  const troubles: string[] = []
  const { host } = new URL(url)
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) troubles.push(message.text())
  })
  page.on('pageerror', error => troubles.push(error.message))
  page.on('request', request => {
    if (new URL(request.url()).host !== host) troubles.push(request.url())
  })
  await page.exposeFunction('onViolation', (directive: string) => troubles.push(directive))
  await page.addInitScript(
    "addEventListener('securitypolicyviolation', event => onViolation('violated: ' + event.violatedDirective))",
  )
  await page.goto(url)
  return {
    page,
    troubles,
    sees: async (user, cell) => {
      await page.locator(`[data-cell="${cell}"] [data-user=${JSON.stringify(user)}]`).waitFor({ state: 'attached' })
    },
    misses: async user => {
      const quoted = JSON.stringify(user)
      await page.locator(`[data-user=${quoted}]`).waitFor({ state: 'detached' })
      await page.locator(`[data-roster=${quoted}]`).waitFor({ state: 'detached' })
    },
    says: async status => {
      await page.locator(`[data-status="${status}"]`).waitFor()
    },
  }
}
