/** The relay's demonstration page in Chromium, with a server process and its demonstration upstream. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { Browser } from 'playwright-core'
import { logged } from '../../support/log.ts'
import { startServer, type TestServer } from '../../support/server.ts'
import { launch, openWindow, type Window } from './browser.ts'

/** Parts of the demonstration's answer. */
const middle = 'No language model'
const ending = /The Stop button does the same at once\.$/

let browser: Browser
let server: TestServer
let window: Window

beforeAll(async () => {
  ;[browser, server] = await Promise.all([launch(), startServer({ RELAY_RATE: '1000' })])
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})
beforeEach(async () => {
  window = await openWindow(browser, `${server.url}/relay.html`)
})
afterEach(() => window.close())

const ask = async (question: string) => {
  await window.page.fill('#prompt', question)
  await window.page.click('#send')
}
const notice = () => window.page.locator('[role=alert]').textContent()
const answer = async () => (await window.page.locator('#answer').textContent()) ?? ''
/** Resolves once the answer contains the text. */
const reads = (text: string) => window.page.locator('#answer', { hasText: text }).waitFor()

test('the page shows an answer word by word until its end', async () => {
  await ask('What is <b>this</b>?')
  await reads('You wrote: “What is <b>this</b>?”')
  expect(await answer()).not.toMatch(ending)
  await window.hasStatus('done')
  expect(await answer()).toMatch(ending)
  expect(await window.page.locator('#answer b').count()).toBe(0)
  expect(window.errors).toEqual([])
})

test('a double click on Send asks once', async () => {
  await window.page.fill('#prompt', 'Twice?')
  await window.page.dblclick('#send')
  await window.hasStatus('done')
  expect((await answer()).match(/You wrote/g)).toHaveLength(1)
  expect(await answer()).toMatch(ending)
})

test('a page that is reloaded during an answer shows the whole answer and continues', async () => {
  await ask('Will it last?')
  await reads(middle)
  await window.page.reload()
  await reads('You wrote: “Will it last?”')
  expect(await window.page.inputValue('#prompt')).toBe('Will it last?')
  await window.hasStatus('done')
  const whole = await answer()
  expect(whole.match(/You wrote/g)).toHaveLength(1)
  expect(whole).toMatch(ending)
  await window.page.reload()
  await window.hasStatus('done')
  expect(await answer()).toBe(whole)
  expect(window.errors).toEqual([])
})

test('Stop ends the answer and the upstream call', async () => {
  const { length } = server.log
  await ask('Stop me')
  await reads(middle)
  await window.page.click('#stop')
  await window.hasStatus('stopped')
  await logged(server, ({ msg, cause }) => msg === 'run ended' && cause === 'stopped')
  expect(server.log.length).toBeGreaterThan(length)
  expect(await window.page.locator('#stop').isVisible()).toBe(false)
  expect(await answer()).not.toMatch(ending)
  await window.page.reload()
  await reads(middle)
  await window.hasStatus('stopped')
  expect(window.errors).toEqual([])
})

test('the keyboard focus is kept when Send is disabled and when Stop disappears', async () => {
  const { page } = window
  // After the link to the sheet.
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  await page.keyboard.type('By hand?')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await reads(middle)
  expect(await page.locator(':focus').getAttribute('id')).toBe('send')
  await page.keyboard.press('Tab')
  expect(await page.locator(':focus').getAttribute('id')).toBe('stop')
  await page.keyboard.press('Enter')
  await window.hasStatus('stopped')
  expect(await page.locator(':focus').getAttribute('id')).toBe('answer')
})

test('an answer is read to its end after a proxy cuts it off and answers 502 for a while', async () => {
  const { page } = window
  const cut = 'retry: 10\nid: 1-0\ndata: {"choices":[{"delta":{"content":"You wrote: “Cut"}}]}\n\n'
  await page.route('**/forward-sse/*', route => route.fulfill({ status: 502, body: 'bad gateway' }))
  await page.route('**/forward-sse/*', route => route.fulfill({ contentType: 'text/event-stream', body: cut }), {
    times: 1,
  })
  // The first 502 closes the EventSource; the second answers the page's own request for the reason.
  let refusals = 0
  const refusedTwice = page.waitForResponse(response => response.status() === 502 && ++refusals === 2)
  await ask('Cut off?')
  await refusedTwice
  await window.hasStatus('reconnecting')
  await page.unrouteAll()
  await window.hasStatus('done')
  expect((await answer()).match(/You wrote/g)).toHaveLength(1)
  expect(await answer()).toMatch(ending)
})

test('the answer fails with the reason when the server restarts without the run', async () => {
  let own = await startServer()
  try {
    await window.page.goto(`${own.url}/relay.html`)
    await ask('Will it fail?')
    await reads(middle)
    own.child.kill('SIGKILL')
    await window.hasStatus('reconnecting')
    own = await startServer({ PORT: String(own.port) })
    await window.hasStatus('failed')
    const unknownRun = await fetch(`${own.url}/forward-sse/${'x'.repeat(21)}`)
    expect(await notice()).toBe((await unknownRun.json()).detail)
    expect(await answer()).toContain(middle)
    await window.page.reload()
    await window.hasStatus('failed')
  } finally {
    await own.stop()
  }
})

test('the page shows the reason of a relay-error', async () => {
  await window.page.route('**/forward-sse/*', route =>
    route.fulfill({
      contentType: 'text/event-stream',
      body: 'event: relay-error\ndata: {"reason":"broken","detail":"The upstream broke off."}\n\n',
    }),
  )
  await ask('Break')
  await window.hasStatus('failed')
  expect(await notice()).toBe('The upstream broke off.')
})

test('the page shows that a server has no demonstration', async () => {
  await window.page.route('**/demonstration', route => route.fulfill({ status: 404, json: {} }))
  await ask('Is there a demonstration?')
  await window.hasStatus('failed')
  expect(await notice()).toContain('no demonstration')
})

test('the relay page links to the sheet, and the sheet not to the relay page', async () => {
  await window.page.click('text=Open the sheet')
  await window.hasStatus('live')
  expect(await window.page.locator('a[href*=relay]').count()).toBe(0)
})

test('the page fits the screen width of a phone', async () => {
  await window.page.setViewportSize({ width: 360, height: 640 })
  await ask('Small?')
  await reads(middle)
  expect(await window.page.evaluate('document.documentElement.scrollWidth')).toBe(360)
  expect((await window.page.screenshot()).length).toBeGreaterThan(5_000)
})
