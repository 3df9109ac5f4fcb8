/** Tabs of one collaborator in a real browser: which of them holds the stream, and what the others have of it. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import type { RoomOptions } from '../../../web/client/index.ts'
import { fetchLocations, post } from '../../support/client.ts'
import { startServer, type TestServer } from '../../support/server.ts'
import { waitFor } from '../../support/wait-for.ts'
import { launch } from '../page/browser.ts'

declare const room: {
  status: string
  self: { x: number } | undefined
  others: { user: string; x: number }[]
  leave(): Promise<void>
}
declare const see: (state: 'visible' | 'hidden') => void

let browser: Browser
let server: TestServer
let context: BrowserContext
let rooms = 0
let name = ''
/** The tabs that opened a stream, one entry for each stream. */
let streams: Page[] = []

beforeAll(async () => {
  ;[browser, server] = await Promise.all([launch(), startServer({ LEAVE_GRACE_MS: '60000' })])
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

beforeEach(async () => {
  name = `sharing-${++rooms}`
  streams = []
  context = await browser.newContext()
  context.on('request', request => {
    if (request.url().includes('/sse')) streams.push(request.frame().page())
  })
  await context.route('**/tab', route => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }))
})
afterEach(() => context.close())

/** Opens a tab that joins the room, and that can be made hidden. `before` runs in the page first. */
async function open(options: RoomOptions = {}, before = () => {}): Promise<Page> {
  const page = await context.newPage()
  await page.addInitScript(before)
  await page.goto(`${server.url}/tab`)
  await page.evaluate(
    async ([name, options]) => {
      const { joinRoom } = await import('/client.js' as string)
      Object.assign(globalThis, {
        room: joinRoom(name, { user: 'alice', location: { x: 1, y: 1 }, ...options }),
        see(state: string) {
          Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
          document.dispatchEvent(new Event('visibilitychange'))
        },
      })
    },
    [name, options] as const,
  )
  return page
}

const isLive = (page: Page) => page.waitForFunction(() => room.status === 'live')
const bobIsAt = (page: Page, x: number) =>
  page.waitForFunction(x => room.others.some(other => other.user === 'bob' && other.x === x), x)
const moveBob = (x: number) => post(server.url, name, { user: 'bob', x, y: 0 })

test('a second tab has the room at once, from the first, and moves me in both', async () => {
  const first = await open()
  await isLive(first)
  await moveBob(1)
  await bobIsAt(first, 1)
  const second = await open({ location: { x: 5, y: 1 } })
  await isLive(second)
  await bobIsAt(second, 1)
  await first.waitForFunction(() => room.self?.x === 5)
  await moveBob(2)
  await Promise.all([bobIsAt(first, 2), bobIsAt(second, 2)])
  expect(streams).toEqual([first])
})

test('a hidden leader yields to a visible tab, and nothing is lost', async () => {
  const first = await open()
  await isLive(first)
  const second = await open()
  await isLive(second)
  await first.evaluate(() => see('hidden'))
  await waitFor('the visible tab has a stream', async () => streams.at(-1) === second)
  await moveBob(1)
  await Promise.all([bobIsAt(first, 1), bobIsAt(second, 1)])
  // What was hidden and is seen again does not take the stream back.
  await first.evaluate(() => see('visible'))
  await moveBob(2)
  await Promise.all([bobIsAt(first, 2), bobIsAt(second, 2)])
  expect(streams).toEqual([first, second])
})

test('a hidden leader keeps the stream while no other tab is visible', async () => {
  const first = await open()
  await isLive(first)
  await first.evaluate(() => see('hidden'))
  const hidden = await open({}, () => Object.defineProperty(document, 'visibilityState', { value: 'hidden' }))
  await isLive(hidden)
  await moveBob(1)
  await bobIsAt(hidden, 1)
  expect(streams).toEqual([first])
  const visible = await open()
  await isLive(visible)
  await waitFor('the visible tab has a stream', async () => streams.at(-1) === visible)
})

test('the tab that leads closes: the next one resumes, and I stay in the room until the last one leaves', async () => {
  const first = await open()
  await isLive(first)
  await moveBob(1)
  const second = await open()
  await bobIsAt(second, 1)
  await first.close()
  await moveBob(2)
  await bobIsAt(second, 2)
  expect(streams).toEqual([first, second])
  expect([...(await fetchLocations(server.url, name)).keys()].sort()).toEqual(['alice', 'bob'])
  await second.evaluate(() => room.leave())
  expect([...(await fetchLocations(server.url, name)).keys()]).toEqual(['bob'])
})

test('a tab that leaves keeps me in the room while another one is there', async () => {
  const first = await open()
  await isLive(first)
  const second = await open()
  await isLive(second)
  await first.evaluate(() => room.leave())
  expect([...(await fetchLocations(server.url, name)).keys()]).toEqual(['alice'])
  await moveBob(1)
  await bobIsAt(second, 1)
  expect(await second.evaluate(() => room.self?.x)).toBe(1)
})

/** What browsers do to a page that ends: its last message may be lost. */
const loseGoodbye = () => {
  addEventListener('pagehide', () => Object.assign(BroadcastChannel.prototype, { postMessage() {} }), { capture: true })
}

test.each(['leader', 'follower'])(
  'the last tab that closes leaves at once when the %s before it went without a word',
  async role => {
    const first = await open({}, loseGoodbye)
    await isLive(first)
    const second = await open({}, loseGoodbye)
    await isLive(second)
    const [other, last] = role === 'leader' ? [first, second] : [second, first]
    await other.close({ runBeforeUnload: false })
    await waitFor('one tab is left', () =>
      last.evaluate(async () => {
        const { held = [], pending = [] } = await navigator.locks.query()
        return new Set([...held, ...pending].map(({ clientId }) => clientId)).size === 1
      }),
    )
    await moveBob(1)
    await bobIsAt(last, 1)
    await last.close()
    // The grace, which is longer than this test may take, would keep me.
    await waitFor('I am gone', async () => !(await fetchLocations(server.url, name)).has('alice'))
  },
)

const without: [what: string, options: RoomOptions, before: () => void][] = [
  ['without Web Locks', {}, () => Object.defineProperty(navigator, 'locks', { value: undefined })],
  [
    'where a sandbox refuses Web Locks',
    {},
    () => {
      const refuse = () => Promise.reject(new DOMException('The origin is opaque.', 'SecurityError'))
      Object.defineProperties(navigator.locks, { request: { value: refuse }, query: { value: refuse } })
    },
  ],
  ['without BroadcastChannel', {}, () => Object.defineProperty(globalThis, 'BroadcastChannel', { value: undefined })],
  ['with shareStream: false', { shareStream: false }, () => {}],
]

test.each(without)('%s each tab has a stream of its own', async (_what, options, before) => {
  const first = await open(options, before)
  const second = await open(options, before)
  await Promise.all([isLive(first), isLive(second)])
  await moveBob(1)
  await Promise.all([bobIsAt(first, 1), bobIsAt(second, 1)])
  expect(streams).toHaveLength(2)
})

test('a prerendered page is not in the room until it is shown', async () => {
  const page = await open({}, () => {
    Object.defineProperty(document, 'prerendering', { value: true, configurable: true })
  })
  const other = await open({ user: 'carol' })
  await isLive(other)
  expect([...(await fetchLocations(server.url, name)).keys()]).toEqual(['carol'])
  expect(streams).toEqual([other])
  await page.evaluate(() => {
    Object.defineProperty(document, 'prerendering', { value: false, configurable: true })
    document.dispatchEvent(new Event('prerenderingchange'))
  })
  await isLive(page)
  await waitFor('I am in the room', async () => (await fetchLocations(server.url, name)).has('alice'))
})
