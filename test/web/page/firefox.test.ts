/** The demonstration page in Firefox. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { Firefox, type FirefoxTab } from '../../support/firefox.ts'
import { Room, useServer } from '../../support/rooms.ts'
import { waitFor } from '../../support/wait-for.ts'
import { findViolations } from './find-violations.ts'

const server = useServer('memory')
const windows = new Set<FirefoxTab>()
let firefox: Firefox
let room: Room

beforeAll(async () => {
  firefox = await Firefox.start()
}, 60_000)
beforeEach(() => {
  room = new Room(server)
})
afterEach(async () => {
  const errors = [...windows].flatMap(window => window.errors)
  await Promise.all([...windows].map(close))
  expect(errors).toEqual([])
})
afterAll(() => firefox?.stop())

/** Opens a window in the test's room, without the bots, and waits until it is live. */
async function visit(user: string): Promise<FirefoxTab> {
  const query = new URLSearchParams({ room: room.name, user, bots: '0' })
  const window = await firefox.open(`${server.url}/?${query}`, 'window')
  windows.add(window)
  await shows(window, '[data-status=live]')
  return window
}

async function close(window: FirefoxTab): Promise<void> {
  windows.delete(window)
  await window.close()
}

const count = (window: FirefoxTab, selector: string) =>
  window.evaluate<number>(`document.querySelectorAll(${JSON.stringify(selector)}).length`)
const shows = (window: FirefoxTab, selector: string) =>
  waitFor(selector, async () => (await count(window, selector)) > 0)
const serverHas = (user: string, location: object) =>
  waitFor(`${user} is at ${JSON.stringify(location)}`, async () => {
    expect((await room.who()).get(user)).toMatchObject(location)
    return true
  })

test('a window shows the collaborators of another window and of a client without a window', async () => {
  const alice = await visit('alice')
  await room.put('service', 2, 2, { name: 'Service' })
  const bob = await visit('bob')
  for (const window of [alice, bob]) {
    await shows(window, '[data-cell=C3] [data-user=service]')
    await shows(window, '[data-cell=A1] [data-user=alice]')
    await shows(window, '[data-cell=A1] [data-user=bob]')
    expect(await count(window, '[data-roster]')).toBe(3)
  }
})

test('a click and the arrow keys move the user: the server and another window have the new cell', async () => {
  const alice = await visit('alice')
  const bob = await visit('bob')
  await alice.click('[data-cell=C3]')
  await serverHas('alice', { x: 2, y: 2 })
  await shows(bob, '[data-cell=C3] [data-user=alice]')
  for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown', 'ArrowLeft']) await alice.press(key)
  await serverHas('alice', { x: 3, y: 3 })
  await shows(bob, '[data-cell=D4] [data-user=alice]')
  expect(await alice.evaluate('document.activeElement.dataset.cell')).toBe('D4')
})

test('Shift with arrow keys selects a range, which another window shows', async () => {
  const alice = await visit('alice')
  const bob = await visit('bob')
  await alice.click('[data-cell=B2]')
  for (const key of ['ArrowRight', 'ArrowDown', 'ArrowDown']) await alice.press(`Shift+${key}`)
  await serverHas('alice', { x: 1, y: 1, meta: { to: { x: 2, y: 3 } } })
  await shows(bob, '[data-cell=B2] [data-user=alice][data-range="B2:C4"]')
  expect(await count(alice, '[aria-selected=true]')).toBe(6)
})

test('F2 and typed text show as an edit, and the text stays in the window', async () => {
  const alice = await visit('alice')
  const bob = await visit('bob')
  await alice.click('[data-cell=D6]')
  await alice.press('F2')
  await alice.press('7')
  expect(await alice.evaluate(`document.querySelector('[data-cell=D6] input').value`)).toBe('5,4607')
  await serverHas('alice', { x: 3, y: 5, meta: { editing: true } })
  await shows(bob, '[data-cell=D6] [data-user=alice].editing')
  await alice.press('Enter')
  await shows(bob, '[data-cell=D7] [data-user=alice]:not(.editing)')
  const text = `document.querySelector('[data-cell=D6] .text').textContent`
  expect([await alice.evaluate(text), await bob.evaluate(text)]).toEqual(['54,607', '5,460'])
})

test('a window that closes leaves the room before the grace of 5 s ends', async () => {
  const alice = await visit('alice')
  const bob = await visit('bob')
  await shows(alice, '[data-user=bob]')
  const closedAt = performance.now()
  await close(bob)
  await waitFor('bob is gone', async () => !(await room.who()).has('bob'))
  const leftAfter = Math.round(performance.now() - closedAt)
  await waitFor('no trace of bob', async () => (await count(alice, '[data-user=bob], [data-roster=bob]')) === 0)
  process.stdout.write(`firefox: the window closed, gone from the server after ${leftAfter} ms\n`)
  expect(leftAfter).toBeLessThan(3_000)
})

test('axe finds no violation with several people, a range and an edit', async () => {
  const alice = await visit('alice')
  await room.put('bob', 3, 5, { meta: { to: { x: 4, y: 8 } } })
  for (const user of ['carol', 'dan', 'erin']) await room.put(user, 1, 4, { meta: { editing: true } })
  await shows(alice, '[data-cell=B5] [data-user=erin]')
  await alice.click('[data-cell=C8]')
  await alice.press('5')
  await shows(alice, '.editor')
  expect(await alice.evaluate(findViolations)).toEqual([])
})

test('a window records warnings, uncaught errors and violations of the Content Security Policy', async () => {
  const alice = await visit('alice')
  await alice.evaluate(`console.warn('a warning')`)
  await alice.evaluate(`void setTimeout(() => { throw new Error('an uncaught error') })`)
  await alice.evaluate(`document.head.append(Object.assign(document.createElement('script'), { text: '0' }))`)
  await waitFor('three errors', () => alice.errors.length >= 3)
  const expected = ['a warning', 'an uncaught error', 'violated: script-src-elem']
  expect(alice.errors.splice(0)).toEqual(expect.arrayContaining(expected.map(each => expect.stringContaining(each))))
})
