/** What the page says and offers when it can't connect. */
import { expect, test } from '@jest/globals'
import { TestLink } from '../../support/link.ts'
import { nowSeconds, secret, sign } from '../../support/tokens.ts'
import { cell, useRoomWindows } from './room-windows.ts'

const suite = useRoomWindows()

async function openProtected(token?: string) {
  await suite.startOwnServer({ AUTH_SECRET: secret })
  const query = new URLSearchParams({ room: 'budget', name: 'Ignored', ...(token && { access_token: token }) })
  return suite.open(`${suite.server.url}/?${query}`)
}
const tokenFor = (seconds: number) => sign({ sub: 'alice', name: 'Alice', rooms: ['*'], exp: nowSeconds() + seconds })

test('an expired token asks for a new one, and the page goes on', async () => {
  const window = await openProtected(await tokenFor(12))
  const { page } = window
  await window.hasStatus('live')
  await window.sees('alice', 'A1')
  expect(page.url()).not.toContain('access_token')
  await page.locator('#access-reason', { hasText: 'expires now' }).waitFor()
  await window.hasStatus('reconnecting')
  await page.fill('#token', await tokenFor(600))
  await page.click('text=Continue')
  await window.hasStatus('live')
  await cell(window, 'C3').click()
  await window.sees('alice', 'C3')
  expect(await page.locator('#access').isVisible()).toBe(false)
  await page.reload()
  await window.hasStatus('live')
}, 60_000)

test('without a token the page asks for one, and goes on', async () => {
  const window = await openProtected()
  const { page } = window
  await window.hasStatus('offline')
  await page.locator('#access-reason', { hasText: 'requires an access token' }).waitFor()
  await page.fill('#token', await tokenFor(600))
  await page.press('#token', 'Enter')
  await window.hasStatus('live')
  await window.sees('alice', 'A1')
  expect(await page.inputValue('#me')).toBe('Alice')
})

test('the page asks again for a token that the server refuses', async () => {
  const window = await openProtected('not.a.token')
  await window.page.locator('#access-reason', { hasText: 'is not valid' }).waitFor()
  await window.page.fill('#token', await tokenFor(600))
  await window.page.press('#token', 'Enter')
  await window.hasStatus('live')
})

test('Try again connects a page that a refusal has closed', async () => {
  const window = await suite.open('about:blank')
  const { page } = window
  await page.route('**/location/sse?*', route =>
    route.fulfill({ status: 403, contentType: 'application/problem+json', json: { detail: 'Not today.' } }),
  )
  await page.goto(suite.url({ user: 'alice' }))
  await window.hasStatus('offline')
  expect(await page.locator('[role=status]').textContent()).toBe('Offline')
  expect(await page.locator('[role=alert]').textContent()).toBe('Not today.')
  await page.unroute('**/location/sse?*')
  await page.click('text=Try again')
  await window.hasStatus('live')
  expect(await page.locator('text=Try again').isVisible()).toBe(false)
  expect(await page.locator('[role=alert]').isVisible()).toBe(false)
})

test('behind a proxy that holds streams back, the page names the doctor', async () => {
  const link = await TestLink.start(suite.server.port)
  link.holdsStreams = true
  const window = await suite.open('about:blank')
  const { page } = window
  try {
    await page.clock.install()
    await page.goto(`${link.url}/?room=${suite.room}&user=alice&bots=0`)
    const hint = page.locator('[role=alert]', { hasText: `colocate doctor ${link.url}/` })
    for (let seconds = 0; seconds < 120 && !(await hint.isVisible()); seconds++) await page.clock.runFor(1000)
    await hint.waitFor()
    await window.hasStatus('live')
  } finally {
    await window.close()
    await link.stop()
  }
}, 60_000)
