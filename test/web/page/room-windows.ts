/**
 * A server process, a browser, and a room for each test, with windows that close after the test. The way in which the
 * page's tests open windows.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from '@jest/globals'
import type { Browser, BrowserContextOptions, Locator } from 'playwright-core'
import { startServer, type TestServer } from '../../support/server.ts'
import { launch, openSecondWindow, openWindow, type Window } from './browser.ts'

export interface RoomWindows {
  browser: Browser
  server: TestServer
  room: string
  /** Starts another server, which becomes `server` until the test ends. */
  startOwnServer(env?: Record<string, string>): Promise<TestServer>
  /** The page of the test's room, without the bots. */
  url(query?: Record<string, string>): string
  /** Opens any page in a window with a profile of its own. */
  open(url: string, options?: BrowserContextOptions): Promise<Window>
  /** Opens the page of the test's room in a window with a profile of its own, and waits until it is live. */
  visit(query?: Record<string, string>, options?: BrowserContextOptions): Promise<Window>
  /** The same in the profile of another window. */
  openSecond(window: Window, query?: Record<string, string>): Promise<Window>
  /** Publishes as a collaborator without a window, for example a backend service. */
  publish(location: object): Promise<void>
}

/** Call at the top of a suite. */
export function useRoomWindows(env: Record<string, string> = {}): RoomWindows {
  let windows: Window[] = []
  let ownServers: TestServer[] = []
  let shared: TestServer
  let rooms = 0
  const closeLater = async (opening: Promise<Window>) => {
    const window = await opening
    windows.push(window)
    return window
  }
  const untilLive = async (opening: Promise<Window>) => {
    const window = await closeLater(opening)
    await window.hasStatus('live')
    return window
  }
  const suite = {
    async startOwnServer(env) {
      suite.server = await startServer(env)
      ownServers.push(suite.server)
      return suite.server
    },
    url: (query = {}) => `${suite.server.url}/?${new URLSearchParams({ room: suite.room, bots: '0', ...query })}`,
    open: (url, options) => closeLater(openWindow(suite.browser, url, options)),
    visit: (query, options) => untilLive(openWindow(suite.browser, suite.url(query), options)),
    openSecond: (window, query) => untilLive(openSecondWindow(window, suite.url(query))),
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
    ;[suite.browser, shared] = await Promise.all([launch(), startServer({ LEASE_MS: '120000', ...env })])
  })
  beforeEach(() => {
    suite.room = `room-${++rooms}`
    suite.server = shared
  })
  afterEach(async () => {
    await Promise.all(windows.map(window => window.close()))
    await Promise.all(ownServers.map(server => server.stop()))
    windows = []
    ownServers = []
  })
  afterAll(async () => {
    await suite.browser?.close()
    await shared?.stop()
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
