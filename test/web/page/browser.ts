/**
 * Starts Chromium, and opens windows that record every error.
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
      // Without these features, a window needs one renderer instead of three: two are for an address bar's suggestions.
      '--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup',
    ],
  })

export interface Window {
  page: Page
  /**
   * Errors and warnings on the console, uncaught errors, violations of the Content Security Policy, and requests to
   * another host.
   */
  errors: string[]
  /** Resolves once the cell contains the collaborator's marker. */
  sees(user: string, cell: string): Promise<void>
  /** Resolves once the page shows neither a marker nor a roster entry of the collaborator. */
  noLongerSees(user: string): Promise<void>
  /** Resolves once the page has this status. */
  hasStatus(status: string): Promise<void>
  close(): Promise<void>
}

/** Opens a window with its own browser profile. */
export async function openWindow(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Window> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 760 }, ...options })
  const page = await context.newPage()
  return { ...(await watch(page, url)), close: () => context.close() }
}

/** Opens a window with the same profile and therefore the same cookies. */
export async function openSecondWindow(window: Window, url: string): Promise<Window> {
  const page = await window.page.context().newPage()
  return { ...(await watch(page, url)), close: () => page.close() }
}

async function watch(page: Page, url: string): Promise<Omit<Window, 'close'>> {
  const errors: string[] = []
  const { host } = new URL(url)
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) errors.push(message.text())
  })
  page.on('pageerror', error => errors.push(error.message))
  page.on('request', request => {
    if (new URL(request.url()).host !== host) errors.push(request.url())
  })
  await page.exposeFunction('onViolation', (directive: string) => errors.push(directive))
  await page.addInitScript(
    "addEventListener('securitypolicyviolation', event => onViolation('violated: ' + event.violatedDirective))",
  )
  await page.goto(url)
  return {
    page,
    errors,
    sees: async (user, cell) => {
      await page.locator(`[data-cell="${cell}"] [data-user=${JSON.stringify(user)}]`).waitFor({ state: 'attached' })
    },
    noLongerSees: async user => {
      const quoted = JSON.stringify(user)
      await page.locator(`[data-user=${quoted}]`).waitFor({ state: 'detached' })
      await page.locator(`[data-roster=${quoted}]`).waitFor({ state: 'detached' })
    },
    hasStatus: async status => {
      await page.locator(`[data-status="${status}"]`).waitFor()
    },
  }
}
