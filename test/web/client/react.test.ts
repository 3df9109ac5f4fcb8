/** React 19 in StrictMode, in a real browser, against the real server; and React on a server. */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { createElement as h } from 'react'
import { renderToString } from 'react-dom/server'
import { RoomProvider, useMove, useOthers, useRoom, useSelf, useStatus } from '../../../web/client/react.ts'
import { fetchLocations, post } from '../../support/client.ts'
import { startServer, type TestServer } from '../../support/server.ts'
import { launch } from '../page/browser.ts'

declare const renders: Record<string, number>
declare const events: string[]
declare const setters: { setRoom(room: string | undefined): void; setName(name: string): void }
declare const reset: () => void
declare const moves: () => number

let browser: Browser
let server: TestServer
let page: Page
let requests: string[] = []
let rooms = 0
let room = ''
let script = ''

beforeAll(async () => {
  const entry = fileURLToPath(new URL('react-app.ts', import.meta.url))
  const define = { 'process.env.NODE_ENV': '"development"' }
  const built = build({ entryPoints: [entry], bundle: true, format: 'esm', write: false, define })
  ;[browser, server] = await Promise.all([launch(), startServer()])
  script = (await built).outputFiles[0]?.text ?? ''
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

beforeEach(async () => {
  room = `react-${++rooms}`
  requests = []
  page = await browser.newPage()
  await page.route('**/app*', route =>
    route.fulfill({
      contentType: 'text/html',
      body: '<!doctype html><div id="root"></div><script src="app.js" type="module"></script>',
    }),
  )
  await page.route('**/app.js', route => route.fulfill({ contentType: 'text/javascript', body: script }))
  page.on('request', request => {
    if (request.url().includes('/rooms/')) requests.push(`${request.method()} ${new URL(request.url()).pathname}`)
  })
  await page.goto(`${server.url}/app?room=${room}`)
  await page.locator('#status', { hasText: `${room} live` }).waitFor()
})

const shows = (id: string, text: string) => page.locator(`#${id}`, { hasText: text }).waitFor()
const move = (user: string, x: number) => post(server.url, room, { user, x, y: 0 })

test('StrictMode mounts twice, and joins once: one stream, no leave', async () => {
  await move('bob', 1)
  await shows('users', '["bob"]')
  expect(requests.filter(request => request.endsWith('/sse'))).toHaveLength(1)
  expect(requests.filter(request => request.startsWith('DELETE'))).toEqual([])
  expect([...(await fetchLocations(server.url, room)).keys()].sort()).toEqual(['alice', 'bob'])
})

test('a component renders only when what it selected changed', async () => {
  await move('bob', 1)
  await shows('positions', 'bob 1')
  await page.evaluate(() => reset())
  for (let x = 2; x <= 20; x++) await move('bob', x)
  await shows('positions', 'bob 20')
  const counts = await page.evaluate(() => ({ ...renders }))
  process.stdout.write(`react: 19 moves of another, renders (twice each in StrictMode): ${JSON.stringify(counts)}\n`)
  expect(counts).toMatchObject({ users: 0, self: 0, status: 0 })
  expect(counts.positions).toBeGreaterThan(0)
  expect(counts.positions).toBeLessThanOrEqual(2 * 19)
  await page.click('#self')
  await shows('self', 'Alice 1')
  expect(await page.evaluate(() => renders.users)).toBe(0)
  await move('carol', 1)
  await shows('users', '["bob","carol"]')
  expect(await page.evaluate(() => renders.users)).toBe(2)
  expect(await page.evaluate(() => moves())).toBe(1)
})

test('a room event calls the latest handler; another name updates the room', async () => {
  await move('bob', 1)
  await shows('users', '["bob"]')
  expect(await page.evaluate(() => events)).toEqual(['bob'])
  await page.evaluate(() => setters.setName('Alice B.'))
  await shows('self', 'Alice B. 0')
  await page.waitForFunction(
    async url => (await (await fetch(url)).json()).locations.some((each: { name: string }) => each.name === 'Alice B.'),
    `${server.url}/rooms/${room}/location`,
  )
  expect(requests.filter(request => request.endsWith('/sse'))).toHaveLength(1)
})

test('another room leaves this one and joins that one; unmounting leaves', async () => {
  await page.evaluate(name => setters.setRoom(name), `${room}-b`)
  await shows('status', `${room}-b live`)
  await page.waitForFunction(
    async url => (await (await fetch(url)).json()).locations.length === 0,
    `${server.url}/rooms/${room}/location`,
  )
  await page.evaluate(() => setters.setRoom(undefined))
  await shows('none', 'true')
  await page.waitForFunction(
    async url => (await (await fetch(url)).json()).locations.length === 0,
    `${server.url}/rooms/${room}-b/location`,
  )
})

test('on a server there is no room and no other user, and nothing is requested', () => {
  const Probe = () => {
    const seen = [
      useRoom(),
      useOthers(),
      useOthers(others => others.length),
      useSelf() ?? null,
      useStatus(),
      typeof useMove(),
    ]
    return h('p', null, JSON.stringify(seen))
  }
  const html = renderToString(h(RoomProvider, { room: 'budget', location: { x: 0, y: 0 } }, h(Probe)))
  expect(html.replaceAll('&quot;', '"')).toBe('<p>[null,[],0,null,"connecting","function"]</p>')
})
