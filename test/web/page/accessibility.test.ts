/** Axe finds no violation in any state of the page. */
import { expect, test } from '@jest/globals'
import type { BrowserContextOptions } from 'playwright-core'
import type { Window } from './browser.ts'
import { findViolations } from './find-violations.ts'
import { cell, useRoomWindows } from './room-windows.ts'

const suite = useRoomWindows()

const violationsIn = ({ page }: Window) => page.evaluate<string[]>(findViolations)

const people = (count: number, at = (index: number) => ({ x: (index * 5) % 9, y: (index * 7) % 40 })) =>
  Array.from({ length: count }, (_, index) => ({ user: `user-${index}`, name: `Person ${index}`, ...at(index) }))

const phone: BrowserContextOptions = { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true }
const nothing = async () => {}

test.each<[string, object[], BrowserContextOptions, (window: Window) => Promise<unknown>]>([
  ['alone', [], {}, nothing],
  ['light', people(5), {}, nothing],
  ['dark', people(5), { colorScheme: 'dark' }, nothing],
  ['a phone', people(8), phone, nothing],
  ['forced colors', people(5), { forcedColors: 'active' }, nothing],
  ['60 people', people(60), {}, nothing],
  ['a 4K window', people(60), { viewport: { width: 3840, height: 2160 } }, nothing],
  ['25 people in one cell', people(25, () => ({ x: 3, y: 5 })), {}, nothing],
  [
    'long and right-to-left names',
    [
      { user: 'long', name: 'Bartholomäus Freiherr von und zu Hohenlohe-Langenburg', x: 2, y: 5 },
      { user: 'rtl', name: 'محمد عبد الرحمن بن عبد الله آل سعود الطويل', x: 4, y: 7 },
    ],
    {},
    nothing,
  ],
  [
    'a range',
    people(2),
    {},
    async window => {
      await cell(window, 'B4').click()
      await cell(window, 'D8').click({ modifiers: ['Shift'] })
    },
  ],
  [
    'an edit',
    [{ user: 'bob', x: 4, y: 4, meta: { editing: true } }],
    {},
    async window => {
      await cell(window, 'D6').click()
      await window.page.keyboard.type('5100')
    },
  ],
  ['following', [{ user: 'bob', name: 'Bob', x: 40, y: 9000 }], {}, ({ page }) => page.click('[data-avatar=bob]')],
  [
    'offline',
    [],
    {},
    async window => {
      await window.page.context().setOffline(true)
      await window.hasStatus('reconnecting')
    },
  ],
])('with %s, there is no violation', async (_, others, options, act) => {
  if (others.length > 0) await suite.publish(others)
  const window = await suite.visit({ user: 'alice', name: 'Alice' }, { reducedMotion: 'reduce', ...options })
  await window.page.locator(`[data-roster] >> nth=${others.length}`).waitFor({ state: 'attached' })
  await act(window)
  expect(await violationsIn(window)).toEqual([])
})

test('when the page asks for a token, there is no violation', async () => {
  await suite.startOwnServer({ AUTH_SECRET: 'a secret of the tests, of more than 32 bytes' })
  const window = await suite.open(`${suite.server.url}/`)
  await window.page.locator('#token').waitFor()
  expect(await violationsIn(window)).toEqual([])
})
