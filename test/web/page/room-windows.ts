/**
 * A server process, a browser, and a room for each test, with windows that close after the test.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from '@jest/globals'
import type { Browser, BrowserContextOptions, Locator } from 'playwright-core'
import { startServer, type TestServer } from '../../support/server.ts'
import { launch, openSecondWindow, openWindow, type Window } from './browser.ts'

export interface RoomWindows {
  browser: Browser
  server: TestServer
  room: string
  /** The page of the test's room, without the bots. */
  url(query?: Record<string, string>): string
  /** Opens a window in a profile of its own, and waits until it is live. */
  visit(query?: Record<string, string>, options?: BrowserContextOptions): Promise<Window>
  /** Opens a window in the same profile. */
  openSecond(window: Window, query?: Record<string, string>): Promise<Window>
  /** Publishes as a collaborator without a window, for example a backend service. */
  publish(location: object): Promise<void>
}

/** Call at the top of a suite. */
export function useRoomWindows(env: Record<string, string> = {}): RoomWindows {
  let windows: Window[] = []
  let rooms = 0
  const open = async (opening: Promise<Window>) => {
    const window = await opening
    windows.push(window)
    await window.hasStatus('live')
    return window
  }
  const suite = {
    url: (query = {}) => `${suite.server.url}/?${new URLSearchParams({ room: suite.room, bots: '0', ...query })}`,
    visit: (query, options) => open(openWindow(suite.browser, suite.url(query), options)),
    openSecond: (window, query) => open(openSecondWindow(window, suite.url(query))),
    async publish(location) {
      const response = await fetch(`${suite.server.url}/rooms/${suite.room}/location`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(location),
      })
      expect(response.status).toBe(200)
    },
  } as RoomWindows
  beforeAll(async () => {
    ;[suite.browser, suite.server] = await Promise.all([launch(), startServer({ LEASE_MS: '120000', ...env })])
  })
  beforeEach(() => {
    suite.room = `room-${++rooms}`
  })
  afterEach(async () => {
    await Promise.all(windows.map(window => window.close()))
    windows = []
  })
  afterAll(async () => {
    await suite.browser?.close()
    await suite.server?.stop()
  })
  return suite
}

export const cell = ({ page }: Window, name: string): Locator => page.locator(`[data-cell="${name}"]`)
export const roster = ({ page }: Window, user: string): Locator => page.locator(`[data-roster=${JSON.stringify(user)}]`)
/** The collaborator's marker, wherever it is. */
export const marker = ({ page }: Window, user: string): Locator => page.locator(`[data-user=${JSON.stringify(user)}]`)
/** Resolves once the roster says that the collaborator is there. */
export const isAt = (window: Window, user: string, place: string): Promise<void> =>
  roster(window, user)
    .locator('.place')
    .filter({ hasText: new RegExp(`^${place}$`) })
    .waitFor()
