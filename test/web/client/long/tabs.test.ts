/** Ten tabs of one browser over HTTP/1.1 share one stream, whichever tab leads. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { startServer, type TestServer } from '../../../support/server.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { launch } from '../../page/browser.ts'

declare const tab: { xs: number[]; statuses: string[]; room: { status: string; others: { x: number }[] } }

const moves = 2_000
const perBatch = 20

let browser: Browser
let server: TestServer
let context: BrowserContext
let openedStreams = 0

beforeAll(async () => {
  ;[browser, server] = await Promise.all([launch(), startServer({ HISTORY_LENGTH: '5000', POST_RATE: '1000' })])
  context = await browser.newContext()
  await context.route('**/tab', route =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>tab</title>' }),
  )
  context.on('request', request => {
    if (request.url().includes('/sse')) openedStreams++
  })
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

/** A tab in the room that writes down every location of the mover. */
async function open(): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${server.url}/tab`)
  await page.evaluate(async () => {
    const { joinRoom } = await import('/client.js' as string)
    const room = joinRoom('tabs', { user: 'alice', location: { x: 0, y: 0 } })
    const tab = { room, xs: [] as number[], statuses: [] as string[] }
    for (const type of ['enter', 'move'])
      room.on(type, ({ collaborator }: { collaborator: { user: string; x: number } }) => {
        if (collaborator.user === 'mover') tab.xs.push(collaborator.x)
      })
    room.on('status', (status: string) => tab.statuses.push(status))
    Object.assign(globalThis, { tab })
  })
  await page.waitForFunction(() => tab.room.status === 'live')
  return page
}

async function move(from: number, to: number): Promise<void> {
  const body = JSON.stringify(
    Array.from({ length: to - from }, (_, index) => ({ user: 'mover', x: from + index, y: 0 })),
  )
  const response = await fetch(`${server.url}/rooms/tabs/location`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  expect(response.status).toBe(200)
}

async function openStreams(): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  return Number(/^colocate_streams\{.*rooms.*\} (\d+)$/m.exec(text)?.[1])
}

/** Whether this tab holds the lock of the room. */
const leads = (page: Page) =>
  page.evaluate(async () => {
    const mine = `mine ${Math.random()}`
    const { held = [] } = await navigator.locks.request(mine, () => navigator.locks.query())
    const clientId = held.find(({ name }) => name === mine)?.clientId
    return held.some(lock => lock.name?.startsWith('colocate') && lock.clientId === clientId)
  })

test(`ten tabs share one stream; the leader is closed ten times over ${moves} moves: 0 lost, 0 repeated`, async () => {
  const tabs: Page[] = []
  for (let n = 0; n < 10; n++) tabs.push(await open())
  await waitFor('one stream is open', async () => (await openStreams()) === 1)
  expect(await Promise.all(tabs.map(page => page.evaluate(() => tab.room.status)))).toEqual(Array(10).fill('live'))
  const openedBefore = openedStreams
  expect(openedBefore).toBe(1)
  const firstOf = new Map<Page, number>(tabs.map(page => [page, 0]))
  let next = 0
  for (let closed = 0; closed < 10; closed++) {
    const until = next + moves / 10
    for (; next < until; next += perBatch) {
      await move(next, next + perBatch)
      if (next !== until - moves / 20) continue
      // In the middle of the moves the leader is closed, and another tab opens.
      const index = (await Promise.all(tabs.map(leads))).indexOf(true)
      expect(index).toBeGreaterThanOrEqual(0)
      const [leader] = tabs.splice(index, 1)
      await leader?.close()
      const opening = open()
      for (let more = 0; more < 2; more++) {
        next += perBatch
        await move(next, next + perBatch)
      }
      const page = await opening
      tabs.push(page)
      await page.waitForFunction(() => tab.xs.length > 0)
      firstOf.set(page, await page.evaluate(() => tab.xs[0] ?? -1))
    }
  }
  let [lost, repeated] = [0, 0]
  for (const page of tabs) {
    await page.waitForFunction(last => tab.xs.at(-1) === last, next - 1)
    const xs = await page.evaluate(() => tab.xs)
    const first = firstOf.get(page) ?? 0
    lost += next - first - new Set(xs).size
    repeated += xs.length - new Set(xs).size
    expect(xs).toEqual([...xs].sort((a, b) => a - b))
  }
  process.stdout.write(
    `tabs: moves=${next} closed=10 lost=${lost} repeated=${repeated} streams=${openedStreams - openedBefore} after the first\n`,
  )
  expect([lost, repeated]).toEqual([0, 0])
  await waitFor('one stream is open', async () => (await openStreams()) === 1)
}, 180_000)
