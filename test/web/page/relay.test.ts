/** The relay's page in a real browser, with the real server and its demonstration behind it. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { Browser } from 'playwright-core'
import { logged } from '../../support/log.ts'
import { startServer, type TestServer } from '../../support/server.ts'
import { launch, openWindow, type Window } from './browser.ts'

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
/** Resolves once the answer has that in it. */
const reads = (text: string) => window.page.locator('#answer', { hasText: text }).waitFor()

test('a question is answered word by word, to its end', async () => {
  await ask('What is <b>this</b>?')
  await reads('You wrote: “What is <b>this</b>?”')
  expect(await answer()).not.toContain('the same at once.')
  await window.says('done')
  expect(await answer()).toMatch(/Stop does the same at once\.$/)
  expect(await window.page.locator('#answer b').count()).toBe(0)
  expect(window.troubles).toEqual([])
})

test('sent twice in haste it is asked once', async () => {
  await window.page.fill('#prompt', 'Twice?')
  await window.page.dblclick('#send')
  await window.says('done')
  expect((await answer()).match(/You wrote/g)).toHaveLength(1)
  expect(await answer()).toMatch(/Stop does the same at once\.$/)
})

test('reloaded in the middle it has all of the answer, and goes on', async () => {
  await ask('Will it last?')
  await reads('No model')
  await window.page.reload()
  await reads('You wrote: “Will it last?”')
  expect(await window.page.inputValue('#prompt')).toBe('Will it last?')
  await window.says('done')
  const whole = await answer()
  expect(whole.match(/You wrote/g)).toHaveLength(1)
  expect(whole).toMatch(/Stop does the same at once\.$/)
  await window.page.reload()
  await window.says('done')
  expect(await answer()).toBe(whole)
  expect(window.troubles).toEqual([])
})

test('stopped it is over, for the upstream, too', async () => {
  const { length } = server.log
  await ask('Stop me')
  await reads('No model')
  await window.page.click('#stop')
  await window.says('stopped')
  await logged(server, ({ msg, cause }) => msg === 'run ended' && cause === 'stopped')
  expect(server.log.length).toBeGreaterThan(length)
  expect(await window.page.locator('#stop').isVisible()).toBe(false)
  expect(await answer()).not.toContain('Stop does the same')
  await window.page.reload()
  await reads('No model')
  await window.says('stopped')
  expect(window.troubles).toEqual([])
})

test('by keyboard alone, nobody is thrown out of the form when Send waits and Stop goes', async () => {
  const { page } = window
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  await page.keyboard.type('By hand?')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await reads('No model')
  expect(await page.locator(':focus').getAttribute('id')).toBe('send')
  await page.keyboard.press('Tab')
  expect(await page.locator(':focus').getAttribute('id')).toBe('stop')
  await page.keyboard.press('Enter')
  await window.says('stopped')
  expect(await page.locator(':focus').getAttribute('id')).toBe('answer')
})

test('cut off by a proxy that then answers 502 for a while, it is read to its end all the same', async () => {
  const { page } = window
  const cut = 'retry: 10\nid: 1-0\ndata: {"choices":[{"delta":{"content":"You wrote: “Cut"}}]}\n\n'
  await page.route('**/forward-sse/*', route => route.fulfill({ status: 502, body: 'bad gateway' }))
  await page.route('**/forward-sse/*', route => route.fulfill({ contentType: 'text/event-stream', body: cut }), {
    times: 1,
  })
  // The source is refused, and then whoever asks why.
  let refusals = 0
  const refusedTwice = page.waitForResponse(response => response.status() === 502 && ++refusals === 2)
  await ask('Cut off?')
  await refusedTwice
  await window.says('reconnecting')
  await page.unrouteAll()
  await window.says('done')
  expect((await answer()).match(/You wrote/g)).toHaveLength(1)
  expect(await answer()).toMatch(/Stop does the same at once\.$/)
})

test('a server that is killed and comes back without the run says so', async () => {
  let own = await startServer()
  try {
    await window.page.goto(`${own.url}/relay.html`)
    await ask('Who is there?')
    await reads('No model')
    own.child.kill('SIGKILL')
    await window.says('reconnecting')
    own = await startServer({ PORT: String(own.port) })
    await window.says('failed')
    expect(await notice()).toBe('There is no such run, or no longer.')
    expect(await answer()).toContain('No model')
    await window.page.reload()
    await window.says('failed')
  } finally {
    await own.stop()
  }
})

test('a run that breaks off says why', async () => {
  await window.page.route('**/forward-sse/*', route =>
    route.fulfill({
      contentType: 'text/event-stream',
      body: 'event: relay-error\ndata: {"reason":"broken","detail":"The upstream broke off."}\n\n',
    }),
  )
  await ask('Break')
  await window.says('failed')
  expect(await notice()).toBe('The upstream broke off.')
})

test('a server without a demonstration says so', async () => {
  await window.page.route('**/demonstration', route => route.fulfill({ status: 404, json: {} }))
  await ask('Anyone?')
  await window.says('failed')
  expect(await notice()).toContain('no demonstration')
})

test('the sheet leads to it, and it leads back', async () => {
  await window.page.goto(`${server.url}/`)
  await window.page.click('a[href="relay.html"]')
  await window.says('idle')
  await window.page.click('text=To the sheet')
  await window.says('live')
})

test('it keeps to the screen of a phone', async () => {
  await window.page.setViewportSize({ width: 360, height: 640 })
  await ask('Small?')
  await reads('No model')
  expect(await window.page.evaluate('document.documentElement.scrollWidth')).toBe(360)
  expect((await window.page.screenshot({ path: '/tmp/relay.png' })).length).toBeGreaterThan(5_000)
})
