/** examples/express-session: Colocate inside an application, with permissions from its sessions. */
import { expect, test } from '@jest/globals'
import type { Page } from 'playwright-core'
import { openStream } from '../support/streams.ts'
import { cellOf, usePages } from './browser.ts'
import { useExample } from './example.ts'

const example = useExample('express-session')
const pages = usePages()

async function logIn(url: string, name: string): Promise<Page> {
  const page = await pages.open(url)
  await page.getByLabel('Name').fill(name)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByText('live').waitFor()
  return page
}

/** Sends a request from the page, with its session. */
const send = (page: Page, method: string, path: string, body: object | undefined = undefined) =>
  page.evaluate(
    async ([method, path, body]) => {
      const headers = { 'Content-Type': 'application/json' }
      const response = await fetch(path, { method, headers, ...(body && { body }) })
      return response.status
    },
    [method, path, body && JSON.stringify(body)] as const,
  )

test('two people who have logged in see each other move, and one sees the other log out', async () => {
  const { url } = await example.start('start', { PORT: '0' })
  const alice = await logIn(url, 'Alice')
  const bob = await logIn(url, 'Bob')
  await cellOf(alice, 3, 4).click()
  await cellOf(bob, 3, 4).getByText('Alice').waitFor()
  await cellOf(bob, 1, 2).click()
  await cellOf(alice, 1, 2).getByText('Bob').waitFor()
  // The tab in which he logs out is not the one that holds his stream.
  const tab = await bob.context().newPage()
  await tab.goto(url)
  await cellOf(tab, 3, 4).getByText('Alice').waitFor()
  await tab.getByRole('button', { name: 'Log out' }).click()
  await tab.getByLabel('Name').waitFor()
  // Well before Bob's lease ends.
  await alice.getByText('Bob').waitFor({ state: 'detached', timeout: 12_000 })
})

test('a page without a login is refused, and a page with one publishes only as its user and in its room', async () => {
  const { url } = await example.start('start', { PORT: '0' })
  const stranger = await pages.open(url)
  const [own, other] = ['/presence/rooms/session/location', '/presence/rooms/other/location']
  expect(await send(stranger, 'GET', own)).toBe(401)
  const alice = await logIn(url, 'Alice')
  expect(await send(alice, 'GET', own)).toBe(200)
  expect(await send(alice, 'POST', own, { x: 1, y: 1 })).toBe(200)
  expect(await send(alice, 'POST', own, { user: 'Bob', x: 1, y: 1 })).toBe(403)
  expect(await send(alice, 'GET', other)).toBe(403)
})

test('on SIGTERM the program ends its streams in order, and then itself', async () => {
  const { url, stop } = await example.start('start', { PORT: '0' })
  const alice = await logIn(url, 'Alice')
  const cookie = (await alice.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
  const stream = await openStream(`${url}/presence/rooms/session/location/sse`, { headers: { cookie } })
  await stream.next('snapshot')
  await Promise.all([stop(), stream.ended()])
  expect(stream.text).toMatch(/\nretry: \d+\n$/)
})
