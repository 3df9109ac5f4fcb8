/** The demonstration page in Chromium, with a server process. */
import { expect, test } from '@jest/globals'
import type { Page } from 'playwright-core'
import { launch, openWindow } from './browser.ts'
import { cell, roster, useRoomWindows } from './room-windows.ts'

const suite = useRoomWindows({ LEAVE_GRACE_MS: '2500' })

const count = (page: Page, selector: string) => page.locator(selector).count()
const focusedCell = (page: Page) => page.evaluate(() => (document.activeElement as HTMLElement).dataset.cell)

test('a click in one window moves the marker in the other', async () => {
  const alice = await suite.visit({ user: 'alice', name: 'Alice' })
  const bob = await suite.visit({ user: 'bob', name: 'Bob' })
  await alice.sees('bob', 'A1')
  await cell(alice, 'C3').click()
  await alice.sees('alice', 'C3')
  await bob.sees('alice', 'C3')
  await cell(bob, 'E8').click()
  await alice.sees('bob', 'E8')
  for (const { page, errors } of [alice, bob]) {
    expect(await count(page, '[data-user]')).toBe(2)
    expect(await page.locator('[data-user=alice]').textContent()).toBe('Alice')
    expect(errors).toEqual([])
  }
})

test('any page can import the client library from client.js', async () => {
  const alice = await suite.visit({ user: 'alice' })
  const { page } = await suite.visit({ user: 'bob' })
  await page.evaluate(async room => {
    const { joinRoom } = await import(new URL('client.js', document.baseURI).href)
    joinRoom(room, { user: 'carol', location: { x: 4, y: 4 } })
  }, suite.room)
  await alice.sees('carol', 'E5')
})

test("the roster shows each collaborator's cell, and marks the user's own entry", async () => {
  const alice = await suite.visit({ user: 'alice', name: 'Alice' })
  await suite.publish({ user: 'bob', name: 'Bob', x: 2, y: 2 })
  await alice.sees('bob', 'C3')
  expect(await roster(alice, 'bob').textContent()).toMatch(/^Bob\s+C3$/)
  expect(await roster(alice, 'alice').textContent()).toMatch(/^Alice\s+you\s+A1$/)
  expect(await alice.page.locator('[data-roster]').first().getAttribute('data-roster')).toBe('alice')
  expect(await alice.page.locator('[data-status]').textContent()).toBe('Live')
})

test('a roster entry keeps the focus when a collaborator is renamed', async () => {
  const alice = await suite.visit({ user: 'alice', name: 'Alice' })
  const { page } = alice
  const rename = async (user: string, name: string) => {
    await suite.publish({ user, name, x: 1, y: 1 })
    await roster(alice, user).locator('.name', { hasText: name }).waitFor()
  }
  for (const user of ['bob', 'carol', 'dan']) await rename(user, user)
  const carol = roster(alice, 'carol').locator('button')
  await carol.focus()
  await carol.evaluate(button => {
    const blurs: Event[] = []
    Object.assign(globalThis, { blurs })
    button.addEventListener('blur', event => blurs.push(event))
  })
  await rename('bob', 'zoe')
  expect(await page.evaluate('blurs.length')).toBe(0)
  await rename('carol', 'zzz')
  expect(await carol.evaluate(button => button === document.activeElement)).toBe(true)
  await rename('dan', 'aaron')
  const order = await page.locator('[data-roster] .name').allTextContents()
  expect(order).toEqual(['Alice', 'aaron', 'zoe', 'zzz'])
})

test('several collaborators in one cell have outlines side by side, and one flag with the count of the others', async () => {
  const alice = await suite.visit({ user: 'alice', name: 'Alice' })
  for (const user of ['bob', 'carol', 'dan']) await suite.publish({ user, x: 2, y: 3 })
  await cell(alice, 'C4').click()
  await alice.sees('dan', 'C4')
  await alice.sees('alice', 'C4')
  const shared = cell(alice, 'C4')
  await shared.locator('.flag:visible', { hasText: /^\+3 dan$/ }).waitFor()
  expect(await shared.locator('.flag:visible').count()).toBe(1)
  expect(await shared.getAttribute('aria-label')).toBe('C4, 4,200, +3, dan, carol, bob, Alice')
  const outlines = await shared.locator('.marker:visible').evaluateAll(markers =>
    markers.map(marker => {
      const { outlineOffset, outlineStyle } = getComputedStyle(marker)
      return `${outlineStyle} ${outlineOffset}`
    }),
  )
  // There is space for three; the flag counts the fourth.
  expect(outlines.sort()).toEqual(['solid -2px', 'solid -4px', 'solid -6px'])
})

test('closing a window clears its marker in the other', async () => {
  const alice = await suite.visit({ user: 'alice' })
  const bob = await suite.visit({ user: 'bob' })
  await alice.sees('bob', 'A1')
  await alice.page.locator('[aria-live]', { hasText: /^bob joined\.$/ }).waitFor()
  await bob.page.close()
  await alice.noLongerSees('bob')
  await alice.sees('alice', 'A1')
  await alice.page.locator('[aria-live]', { hasText: /^bob left\.$/ }).waitFor()
})

test('following a link clears the marker, even when the page enters the back/forward cache', async () => {
  const browserWithCache = await launch({ ignoreDefaultArgs: ['--disable-back-forward-cache'] })
  try {
    const alice = await suite.visit({ user: 'alice' })
    const bob = await openWindow(browserWithCache, suite.url({ user: 'bob' }))
    await bob.hasStatus('live')
    await alice.sees('bob', 'A1')
    await bob.page.evaluate(() =>
      addEventListener('pageshow', ({ persisted }) => Object.assign(globalThis, { persisted })),
    )
    await bob.page.evaluate(() => location.assign('relay.html'))
    await alice.noLongerSees('bob')
    await bob.page.evaluate('history.back()')
    await alice.sees('bob', 'A1')
    expect(await bob.page.evaluate('persisted')).toBe(true)
  } finally {
    await browserWithCache.close()
  }
})

test('six windows of one browser share its six connections: they still publish and keep their leases', async () => {
  await suite.startOwnServer({ HEARTBEAT_MS: '1000', LEASE_MS: '10000' })
  const users = ['b', 'c', 'd', 'e', 'f']
  const first = await suite.visit({ user: 'a' })
  for (const user of users) await suite.openSecond(first, { user })
  await cell(first, 'C3').click()
  const observer = await suite.visit({ user: 'observer' })
  await observer.sees('a', 'C3')
  for (const user of users) await observer.sees(user, 'A1')
})

test('a reload never removes the marker in another window', async () => {
  const bob = await suite.visit({ user: 'bob' })
  const alice = await suite.visit({ user: 'alice' })
  await cell(alice, 'C3').click()
  await bob.sees('alice', 'C3')
  await bob.page.evaluate(() => {
    const removed: string[] = []
    Object.assign(globalThis, { removed })
    new MutationObserver(records => {
      for (const { removedNodes } of records) {
        for (const node of removedNodes)
          if (node instanceof HTMLElement) removed.push(node.dataset.user ?? node.dataset.roster ?? '')
      }
    }).observe(document.body, { subtree: true, childList: true })
  })
  await alice.page.reload()
  await alice.hasStatus('live')
  await alice.sees('alice', 'C3')
  // Carol leaves after the reload, so a leave of alice would arrive before the leave of carol.
  const carol = await suite.visit({ user: 'carol' })
  await bob.sees('carol', 'A1')
  await carol.page.close()
  await bob.noLongerSees('carol')
  expect(await bob.page.evaluate('removed.filter(user => user === "alice")')).toEqual([])
  await bob.sees('alice', 'C3')
})

test('arrow keys move the user without a click before', async () => {
  const alice = await suite.visit({ user: 'alice' })
  const bob = await suite.visit({ user: 'bob' })
  for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown']) await alice.page.keyboard.press(key)
  await bob.sees('alice', 'C2')
  await alice.page.keyboard.press('ArrowUp')
  await alice.page.keyboard.press('ArrowLeft')
  await bob.sees('alice', 'B1')
  await alice.page.keyboard.press('ArrowUp')
  expect(await focusedCell(alice.page)).toBe('B1')
})

test.each([
  ['End', 'XFD5'],
  ['Home', 'A5'],
  ['Control+End', 'XFD1048576'],
  ['Control+Home', 'A1'],
  ['Control+ArrowDown', 'D11'],
  ['Control+ArrowRight', 'E5'],
])('%s moves to %s', async (key, target) => {
  const alice = await suite.visit({ user: 'alice' })
  await cell(alice, 'D5').click()
  await alice.page.keyboard.press(key)
  await alice.sees('alice', target)
  expect(await focusedCell(alice.page)).toBe(target)
  expect(await cell(alice, target).getAttribute('aria-selected')).toBe('true')
})

test('PageDown moves down by the visible rows, and PageUp moves back', async () => {
  const alice = await suite.visit({ user: 'alice' })
  await alice.page.keyboard.press('PageDown')
  const reached = await focusedCell(alice.page)
  expect(Number(reached?.slice(1))).toBeGreaterThan(8)
  await alice.page.keyboard.press('PageUp')
  await alice.sees('alice', 'A1')
})

test('every control is reachable by Tab and shows its focus', async () => {
  const alice = await suite.visit({ user: 'alice' })
  await suite.publish({ user: 'far', x: 20, y: 400 })
  await roster(alice, 'far').waitFor()
  const reached: (string | undefined)[] = []
  for (let tabs = 0; tabs < 8; tabs++) {
    await alice.page.keyboard.press('Tab')
    const focused = alice.page.locator(':focus')
    reached.push(
      await focused.evaluate(
        element =>
          (element.dataset.cell ?? element.dataset.avatar ?? element.dataset.edge ?? element.id) ||
          element.closest('li')?.dataset.roster,
      ),
    )
    expect(await focused.evaluate(element => getComputedStyle(element).outlineStyle)).toBe('solid')
  }
  expect(reached).toEqual(['me', 'far', 'copy', 'here', 'A1', 'bottom', 'alice', 'far'])
  await alice.page.keyboard.press('Enter')
  await alice.page.waitForFunction(() => {
    const box = document.querySelector('[data-cell="U401"]')?.getBoundingClientRect()
    return box && box.left > 0 && box.right < innerWidth && box.top > 0 && box.bottom < innerHeight
  })
})

test('for screen readers the sheet is a grid with one cell in the Tab order, and joins are announced', async () => {
  const alice = await suite.visit({ user: 'alice' })
  const { page } = alice
  const grid = page.locator('[role=grid]')
  expect(await grid.getAttribute('aria-rowcount')).toBe(String(1_048_576 + 1))
  expect(await grid.getAttribute('aria-colcount')).toBe(String(16_384 + 1))
  const c3 = cell(alice, 'C3')
  expect(await c3.getAttribute('aria-colindex')).toBe('4')
  expect(await c3.locator('xpath=..').getAttribute('aria-rowindex')).toBe('4')
  expect(await count(page, '[role=gridcell][tabindex="0"]')).toBe(1)
  const news = page.locator('[aria-live]')
  await news.filter({ hasText: /^You are the only user in this room\.$/ }).waitFor()
  await suite.publish({ user: 'bob', name: 'Bob', x: 1, y: 1 })
  await alice.sees('bob', 'B2')
  await news.filter({ hasText: /^Bob joined\.$/ }).waitFor()
  await suite.publish({ user: 'bob', name: 'Bob', x: 2, y: 1 })
  await alice.sees('bob', 'C2')
  expect(await news.textContent()).toBe('Bob joined.')
})

test('markup in a name is shown as text', async () => {
  const name = '<img src=x onerror="document.title=1">'
  const user = `"><script>alert(1)</script>`
  const alice = await suite.visit({ user: 'alice' })
  await suite.publish({ user, name, x: 1, y: 1 })
  await roster(alice, user).waitFor()
  expect(await alice.page.locator('[data-cell="B2"] [data-user]').textContent()).toBe(name)
  expect(await roster(alice, user).textContent()).toContain(name)
  expect(await count(alice.page, 'main img, main script')).toBe(0)
  expect(alice.errors).toEqual([])
})

test('a fractional place is shown in its cell, and a place outside the sheet only in the roster', async () => {
  const alice = await suite.visit({ user: 'alice' })
  await suite.publish({ user: 'far', x: 120.5, y: -3 })
  await suite.publish({ user: 'near', x: 2.7, y: 2.2 })
  await alice.sees('near', 'C3')
  expect(await roster(alice, 'far').textContent()).toMatch(/120.5, -3/)
  expect(await count(alice.page, '[data-user=far]')).toBe(0)
  await suite.publish({ user: 'near', x: 16_384, y: 0 })
  await alice.page.waitForFunction(() => !document.querySelector('[data-user=near]'))
  await suite.publish({ user: 'near', x: 0, y: 1 })
  await alice.sees('near', 'A2')
})

test('no cell is selected while the user is outside the sheet, and a key moves the user back', async () => {
  const alice = await suite.visit({ user: 'alice', name: 'Alice' })
  const { page } = alice
  await cell(alice, 'C3').click()
  await alice.sees('alice', 'C3')
  await suite.publish({ user: 'alice', name: 'Alice', x: 30, y: 2_000_000 })
  await roster(alice, 'alice').locator('.place', { hasText: '30, 2000000' }).waitFor()
  const expectNoSelection = async () => {
    expect(await page.inputValue('#here')).toBe('30, 2000000')
    expect(await count(page, '[aria-selected=true]')).toBe(0)
    expect(await count(page, '[role=gridcell][tabindex="0"]')).toBe(1)
  }
  await expectNoSelection()
  expect(await focusedCell(page)).toBe('C3')
  await page.reload()
  await alice.hasStatus('live')
  await roster(alice, 'alice').locator('.place', { hasText: '30, 2000000' }).waitFor()
  await expectNoSelection()
  await page.keyboard.press('ArrowRight')
  await alice.sees('alice', 'B1')
  expect(await page.inputValue('#here')).toBe('B1')
  expect(await page.locator('[aria-selected=true]').getAttribute('data-cell')).toBe('B1')
})

test('an anonymous user stays the same after a reload, and leaves when the window closes', async () => {
  const bob = await suite.visit({ user: 'bob' })
  const guest = await suite.visit()
  const mine = guest.page.locator('.marker.mine')
  const user = (await mine.getAttribute('data-user')) ?? ''
  expect(user).not.toBe('')
  await cell(guest, 'D4').click()
  await bob.sees(user, 'D4')
  expect(await guest.page.inputValue('#me')).toBe(await mine.textContent())
  await guest.page.reload()
  await guest.hasStatus('live')
  await guest.sees(user, 'D4')
  await guest.page.close()
  await bob.noLongerSees(user)
  expect(guest.errors).toEqual([])
})

test('the selection follows when another window of the same user moves the user', async () => {
  const first = await suite.visit({ user: 'alice' })
  const second = await suite.openSecond(first, { user: 'alice' })
  await cell(second, 'F6').click()
  await first.sees('alice', 'F6')
  expect(await first.page.locator('[aria-selected=true]').getAttribute('data-cell')).toBe('F6')
  await first.page.keyboard.press('ArrowDown')
  await second.sees('alice', 'F7')
  await second.page.close()
  await cell(first, 'B2').click()
  await first.sees('alice', 'B2')
})

test('the second window opens as another user in the same room', async () => {
  const alice = await suite.visit({ user: 'alice' })
  const [page] = await Promise.all([alice.page.waitForEvent('popup'), alice.page.click('#second')])
  await page.locator('[data-status=live]').waitFor()
  const query = new URL(page.url()).searchParams
  expect(query.get('room')).toBe(suite.room)
  await alice.sees(query.get('user') ?? '', 'A1')
  expect(await roster(alice, query.get('user') ?? '').textContent()).toContain(query.get('name'))
  const next = await alice.page.getAttribute('#second', 'href')
  expect(next).not.toContain(query.get('user'))
})

test('the copied link contains the room and no user', async () => {
  const alice = await suite.visit(
    { user: 'alice', name: 'Alice' },
    { permissions: ['clipboard-read', 'clipboard-write'] },
  )
  await alice.page.click('#copy')
  await alice.page.locator('#copy', { hasText: 'Copied' }).waitFor()
  expect(await alice.page.evaluate('navigator.clipboard.readText()')).toBe(`${suite.server.url}/?room=${suite.room}`)
})

test('a held key sends at most 20 POSTs a second, and the last move is published', async () => {
  const alice = await suite.visit({ user: 'alice' })
  const bob = await suite.visit({ user: 'bob' })
  let posts = 0
  alice.page.on('request', request => {
    if (request.method() === 'POST') posts++
  })
  const startedAt = performance.now()
  for (let presses = 0; presses < 49; presses++) await alice.page.keyboard.press('ArrowDown')
  await alice.sees('alice', 'A50')
  await roster(bob, 'alice').locator('.place', { hasText: 'A50' }).waitFor()
  await bob.page.click('[data-edge=bottom]')
  await bob.sees('alice', 'A50')
  expect(posts).toBeLessThanOrEqual((performance.now() - startedAt) / 50 + 1)
  expect(await count(bob.page, '[data-user=alice]')).toBe(1)
})

test('a hidden tab is up to date although it gets no animation frames', async () => {
  const alice = await suite.open('about:blank')
  await alice.page.addInitScript(() => {
    Object.defineProperty(document, 'hidden', { get: () => true })
    globalThis.requestAnimationFrame = () => 0
  })
  await alice.page.goto(suite.url({ user: 'alice' }))
  await suite.publish({ user: 'bob', x: 2, y: 2 })
  await alice.sees('bob', 'C3')
})

test('with reduced motion nothing is animated', async () => {
  const alice = await suite.visit({ user: 'alice', name: 'Alice' }, { reducedMotion: 'reduce' })
  await suite.publish({ user: 'bob', x: 2, y: 2 })
  await alice.sees('bob', 'C3')
  await suite.publish({ user: 'bob', x: 3, y: 3 })
  await alice.sees('bob', 'D4')
  expect(await alice.page.evaluate('document.getAnimations().length')).toBe(0)
})

test('the page reconnects after a proxy has answered 502 for a while', async () => {
  const alice = await suite.visit({ user: 'alice' })
  const { page } = alice
  await page.route('**/sse?*', route => route.fulfill({ status: 502, body: 'bad gateway' }))
  // The client closes the stream, and opens it again.
  await page.evaluate(() => dispatchEvent(new Event('offline')))
  await alice.hasStatus('reconnecting')
  await suite.publish({ user: 'bob', x: 2, y: 2 })
  await page.unroute('**/sse?*')
  await alice.hasStatus('live')
  await alice.sees('bob', 'C3')
})

test('the page is reconnecting while the browser is offline, and live again afterwards', async () => {
  const alice = await suite.visit({ user: 'alice' })
  await alice.page.context().setOffline(true)
  await alice.hasStatus('reconnecting')
  await suite.publish({ user: 'bob', x: 2, y: 2 })
  await alice.page.context().setOffline(false)
  await alice.hasStatus('live')
  await alice.sees('bob', 'C3')
})

test('a refused stream is final: the page is offline and shows the reason', async () => {
  const window = await suite.open('about:blank')
  const { page } = window
  await page.route('**/location/sse?*', route =>
    route.fulfill({
      status: 403,
      contentType: 'application/problem+json',
      json: { detail: 'You may not read this room.' },
    }),
  )
  await page.goto(suite.url({ user: 'alice' }))
  await window.hasStatus('offline')
  expect(await page.locator('[role=alert]').textContent()).toBe('You may not read this room.')
})

test('a successful move clears the notice of a refused move, but not the reason for being offline', async () => {
  const window = await suite.open('about:blank')
  const { page } = window
  const refuse = (pattern: string, detail: string) =>
    page.route(pattern, route =>
      route.fulfill({ status: 403, contentType: 'application/problem+json', json: { detail } }),
    )
  const notice = page.locator('[role=alert]')
  const waitForPost = (status: number) =>
    page.waitForResponse(r => r.url().endsWith('/location') && r.status() === status)
  await refuse('**/location/sse?*', 'You may not read this room.')
  await page.goto(suite.url({ user: 'alice' }))
  await window.hasStatus('offline')
  await Promise.all([waitForPost(200), page.keyboard.press('ArrowDown')])
  // The client sends a move after the response to the one before.
  await Promise.all([waitForPost(200), page.keyboard.press('ArrowDown')])
  expect(await notice.textContent()).toBe('You may not read this room.')
  expect(await notice.isVisible()).toBe(true)
  await refuse('**/location', 'You may not write to this room.')
  await page.keyboard.press('ArrowDown')
  await notice
    .filter({ hasText: 'You may not read this room. Your move was not published: You may not write to this room.' })
    .waitFor()
  await page.unroute('**/location')
  await page.keyboard.press('ArrowDown')
  await notice.filter({ hasText: /^You may not read this room\.$/ }).waitFor()
})

test.each(['..', 'a/b', 'x'.repeat(129)])('the page is offline in a room with the invalid name %s', async name => {
  suite.room = name
  const window = await suite.open(suite.url({ user: 'alice' }))
  await window.hasStatus('offline')
  expect(await window.page.locator('[role=alert]').textContent()).toContain('is not a valid room name')
  expect(window.errors).toEqual([])
})

test('on a phone a tap moves the user, and the page fits the screen width', async () => {
  const bob = await suite.visit({ user: 'bob' })
  const phone = { viewport: { width: 360, height: 640 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }
  const alice = await suite.visit({ user: 'alice', name: 'Alice' }, phone)
  await alice.page.tap('[data-cell="B4"]')
  await bob.sees('alice', 'B4')
  expect(await alice.page.evaluate('document.documentElement.scrollWidth')).toBe(360)
  const sheet = await alice.page.locator('.scroller').boundingBox()
  expect(sheet?.height).toBeGreaterThan(320)
  expect((await alice.page.screenshot()).length).toBeGreaterThan(10_000)
  expect(alice.errors).toEqual([])
})

test.each([
  [320, 256],
  [512, 300],
  [568, 320],
  [1280, 256],
])('at %i × %i pixels with a notice the page scrolls, and the focused cell is visible', async (width, height) => {
  const alice = await suite.visit({ user: 'alice', name: 'Alice' }, { viewport: { width, height } })
  const { page } = alice
  const workload = Array.from({ length: 30 }, (_, index) => ({ user: `user-${index}`, x: 1, y: 1 }))
  await suite.publish(workload)
  await page.locator('[data-roster=user-29]').waitFor()
  await page.evaluate(() => {
    const notice = '<p class="notice">A second notice: a successful move would clear the page\'s own.</p>'
    document.querySelector('#trouble')?.insertAdjacentHTML('afterend', notice)
  })
  /** Whether the whole cell is visible: checks a point in each of its corners. */
  const isVisible = (name: string) =>
    cell(alice, name).evaluate(element => {
      const { left, right, top, bottom } = element.getBoundingClientRect()
      const corners = [left + 2, right - 2].flatMap(x => [top + 2, bottom - 2].map(y => [x, y] as const))
      return corners.every(([x, y]) => {
        const found = document.elementFromPoint(x, y)
        return found?.closest('[data-cell]') === element
      })
    })
  for (const key of ['ArrowDown', 'Control+End', 'PageUp', 'Home', 'Control+Home', 'PageDown', 'ArrowUp']) {
    await page.keyboard.press(key)
    expect([key, await isVisible((await focusedCell(page)) ?? '')]).toEqual([key, true])
  }
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
  await page.mouse.move(2, 2)
  await page.evaluate(() => scrollTo(0, 0))
  await page.mouse.wheel(0, 50)
  await page.waitForFunction(() => scrollY === 50)
})

test('after the server restarts, every window reconnects with its collaborator in the same cell', async () => {
  const { child, port } = await suite.startOwnServer()
  const alice = await suite.visit({ user: 'alice', name: 'alice' })
  const bob = await suite.visit({ user: 'bob', name: 'bob' })
  await cell(alice, 'C3').click()
  await cell(bob, 'E5').click()
  await alice.sees('bob', 'E5')
  await bob.sees('alice', 'C3')
  child.kill('SIGKILL')
  await alice.hasStatus('reconnecting')
  await bob.hasStatus('reconnecting')
  // The page keeps all markers while the server is down, and publishes a move made in that time afterwards.
  await alice.sees('bob', 'E5')
  await cell(alice, 'D4').click()
  await alice.sees('alice', 'D4')
  await suite.startOwnServer({ PORT: String(port) })
  await alice.hasStatus('live')
  await bob.hasStatus('live')
  await bob.sees('alice', 'D4')
  await alice.sees('bob', 'E5')
  await bob.sees('bob', 'E5')
  expect(await count(alice.page, '[data-user]')).toBe(2)
})

test('a screenshot of three users shows something, and nothing is reported', async () => {
  suite.room = 'budget'
  await suite.publish({ user: 'bob', name: 'Bob', color: '#e4572e', x: 4, y: 7 })
  await suite.publish({ user: 'blue-heron', name: 'Blue Heron', color: '#17a673', x: 2, y: 2 })
  const options = { viewport: { width: 960, height: 560 }, deviceScaleFactor: 2, reducedMotion: 'reduce' } as const
  const alice = await suite.visit({ user: 'alice', name: 'Alice' }, options)
  await cell(alice, 'C5').click()
  await alice.sees('alice', 'C5')
  await alice.sees('blue-heron', 'C3')
  expect((await alice.page.screenshot()).length).toBeGreaterThan(10_000)
  expect(alice.errors).toEqual([])
})
