/** Who a window is, when it joins, and what it does alone. */
import { expect, test } from '@jest/globals'
import { waitFor } from '../../support/wait-for.ts'
import type { Window } from './browser.ts'
import { cell, roster, useRoomWindows } from './room-windows.ts'

const suite = useRoomWindows({ LEAVE_GRACE_MS: '500' })
const alice = { user: 'alice', name: 'Alice' }
const bob = { user: 'bob', name: 'Bob' }

const usersIn = ({ page }: Window) =>
  page.locator('[data-roster]').evaluateAll(entries => entries.map(entry => (entry as HTMLElement).dataset.roster))
const listed = async () => {
  const response = await fetch(`${suite.server.url}/rooms/${suite.room}/location`)
  const { locations } = (await response.json()) as { locations: { user: string }[] }
  return locations.map(({ user }) => user)
}

test('two bots keep a user company, and leave when another user comes', async () => {
  const first = await suite.visit({ ...alice, bots: '1' })
  await roster(first, 'bot-ada').waitFor()
  await roster(first, 'bot-max').waitFor()
  await first.page.locator('[data-user=bot-max][data-range]').waitFor()
  await first.page.locator('[data-user=bot-ada].editing').waitFor()
  expect(await first.page.locator('#alone').isVisible()).toBe(true)
  const second = await suite.visit({ ...bob, bots: '1' })
  for (const window of [first, second])
    for (const bot of ['bot-ada', 'bot-max']) await roster(window, bot).waitFor({ state: 'detached' })
  expect(await usersIn(first)).toEqual(['alice', 'bob'])
  await second.close()
  await roster(first, 'bot-ada').waitFor()
  expect(first.errors).toEqual([])
})

test('a second tab of the same user runs no bots of its own, and takes over when the first one closes', async () => {
  const first = await suite.visit({ ...alice, bots: '1' })
  await roster(first, 'bot-max').waitFor()
  const second = await suite.openSecond(first, { ...alice, bots: '1' })
  await roster(second, 'bot-ada').waitFor()
  expect((await listed()).sort()).toEqual(['alice', 'bot-ada', 'bot-max'])
  const takesOver = second.page.waitForRequest(request => request.postData()?.includes('"bot-ada"') ?? false)
  await first.page.close()
  await takesOver
  await roster(second, 'bot-ada').waitFor()
})

test('with AUTH=off there are no bots', async () => {
  await suite.startOwnServer({ AUTH: 'off' })
  const window = await suite.open(`${suite.server.url}/?room=quiet&user=alice`)
  await window.page.locator('#alone').waitFor()
  expect(await window.page.getAttribute('html', 'data-auth')).toBe('off')
  // Everything that the page has asked for until now, and no bot's stream or location among it.
  const requests = await window.page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name))
  expect(requests.filter(name => name.includes('bot-'))).toEqual([])
  expect(await usersIn(window)).toEqual(['alice'])
})

test('with a name and no user, each tab is a user of its own, also after a reload and as a duplicate', async () => {
  const first = await suite.visit({ name: 'Zoe' })
  const second = await suite.openSecond(first, { name: 'Zoe' })
  const mine = ({ page }: Window) => page.locator('.marker.mine').getAttribute('data-user')
  const [one, two] = [await mine(first), await mine(second)]
  expect(one).not.toBe(two)
  await first.page.reload()
  await first.hasStatus('live')
  expect(await mine(first)).toBe(one)
  // Like a duplicated tab, a window that a page opens begins with a copy of the page's storage.
  const [copy] = await Promise.all([
    first.page.waitForEvent('popup'),
    first.page.evaluate(() => void window.open(location.href)),
  ])
  await copy.locator('[data-status=live]').waitFor()
  const third = await copy.locator('.marker.mine').getAttribute('data-user')
  expect(new Set([one, two, third]).size).toBe(3)
  await waitFor('three users', async () => (await usersIn(first)).length === 3)
})

test('a new name reaches the others and survives a reload', async () => {
  const first = await suite.visit(alice)
  const second = await suite.visit(bob)
  await first.page.fill('#me', 'Alice B.')
  await first.page.press('#me', 'Enter')
  await roster(second, 'alice').filter({ hasText: 'Alice B.' }).waitFor()
  await first.page.reload()
  await first.hasStatus('live')
  await waitFor('the name', async () => (await first.page.inputValue('#me')) === 'Alice B.')
  await cell(first, 'C3').click()
  await second.sees('alice', 'C3')
  expect(await roster(second, 'alice').textContent()).toContain('Alice B.')
})

test('a new name of the anonymous user is the name in every tab of the browser', async () => {
  const first = await suite.visit()
  const second = await suite.openSecond(first)
  await first.page.fill('#me', 'Kim')
  await first.page.press('#me', 'Enter')
  await waitFor('the name', async () => (await second.page.inputValue('#me')) === 'Kim')
  await cell(second, 'C3').click()
  await waitFor('the move', async () => (await first.page.inputValue('#here')) === 'C3')
  expect(await first.page.inputValue('#me')).toBe('Kim')
})

test.each([
  ['opened in the background', 'visibilitychange', { visibilityState: 'hidden' }, { visibilityState: 'visible' }],
  [
    'prerendered',
    'prerenderingchange',
    { visibilityState: 'hidden', prerendering: true },
    { visibilityState: 'visible', prerendering: false },
  ],
])('a page that was %s joins when it is seen', async (_, event, before, after) => {
  const window = await suite.open('about:blank')
  const { page } = window
  const set = (state: object) => {
    for (const [name, value] of Object.entries(state))
      Object.defineProperty(document, name, { value, configurable: true })
  }
  await page.addInitScript(set, before)
  await page.goto(suite.url(alice))
  await cell(window, 'A1').waitFor()
  // The page's requests of before have arrived, too, when this one is answered.
  await page.evaluate(() => fetch('/healthz'))
  expect(await listed()).toEqual([])
  await page.evaluate(set, after)
  await page.evaluate(type => document.dispatchEvent(new Event(type)), event)
  await window.hasStatus('live')
  expect(await listed()).toEqual(['alice'])
})

test('a duplicate of the same user is not another user', async () => {
  const first = await suite.visit(alice)
  const second = await suite.openSecond(first, alice)
  expect(await usersIn(second)).toEqual(['alice'])
  expect(await second.page.locator('#alone').isVisible()).toBe(true)
})
