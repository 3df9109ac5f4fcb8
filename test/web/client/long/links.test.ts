/** Links that are dead, slow, or hold streams back: the client against the real server, with a proxy between. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { joinRoom } from '../../../../web/client/index.ts'
import { post } from '../../../support/client.ts'
import { isLive, sees, until } from '../../../support/joined.ts'
import { TestLink } from '../../../support/link.ts'
import { startServer, type TestServer } from '../../../support/server.ts'
import { launch } from '../../page/browser.ts'

declare const room: { status: string; others: { x: number }[] }

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})
afterAll(async () => {
  await server?.stop()
})

const say = (what: string, startedAt: number) =>
  process.stdout.write(`links: ${what} after ${((performance.now() - startedAt) / 1_000).toFixed(1)} s\n`)

test.concurrent('a dead link is right again within 10 s of visibilitychange', async () => {
  const [link, browser] = await Promise.all([TestLink.start(server.port), launch()])
  try {
    const page = await browser.newPage()
    await page.route('**/tab', route => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }))
    await page.goto(`${link.url}/tab`)
    await page.evaluate(async () => {
      const { joinRoom } = await import('/client.js' as string)
      Object.assign(globalThis, { room: joinRoom('dead', { user: 'alice', location: { x: 0, y: 0 } }) })
    })
    await page.waitForFunction(() => room.status === 'live')
    expect(link.swallow()).toBeGreaterThan(0)
    await post(server.url, 'dead', { user: 'bob', x: 7, y: 0 })
    await page.waitForTimeout(6_000)
    expect(await page.evaluate(() => room.others.length)).toBe(0)
    const startedAt = performance.now()
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
    await page.waitForFunction(() => room.others[0]?.x === 7)
    say('a dead link, seen, is right again', startedAt)
    expect(performance.now() - startedAt).toBeLessThan(10_000)
  } finally {
    await browser.close()
    await link.stop()
  }
}, 60_000)

test.concurrent('a dead link in a page that gets no event is replaced within 55 s', async () => {
  const link = await TestLink.start(server.port)
  const alice = joinRoom('unseen', { url: link.url, user: 'alice', location: { x: 0, y: 0 } })
  try {
    await isLive(alice)
    await alice.settled()
    const startedAt = performance.now()
    link.swallow()
    const entered = new Promise(resolve => alice.on('enter', resolve))
    await post(server.url, 'unseen', { user: 'bob', x: 7, y: 0 })
    await entered
    say('a dead link, unseen, is right again', startedAt)
    expect(performance.now() - startedAt).toBeLessThan(55_000)
  } finally {
    await alice.leave()
    await link.stop()
  }
}, 90_000)

test.concurrent('on a network that is 6 s slow the stream stays, and moves arrive', async () => {
  const link = await TestLink.start(server.port)
  const alice = joinRoom('slow', { url: link.url, user: 'alice', location: { x: 0, y: 0 } })
  try {
    await isLive(alice)
    await alice.settled()
    const statuses: string[] = []
    alice.on('status', status => statuses.push(status))
    link.delayMs = 3_000
    for (let x = 1; x <= 4; x++) {
      alice.move({ x })
      await post(server.url, 'slow', { user: 'bob', x, y: 0 })
      await alice.settled()
    }
    await sees(alice, 'bob', 4)
    expect(statuses).toEqual([])
  } finally {
    link.delayMs = 0
    await alice.leave()
    await link.stop()
  }
}, 90_000)

test.concurrent('behind a proxy that holds streams back, the list is polled, the lease is kept, and the stream comes back', async () => {
  const link = await TestLink.start(server.port)
  link.holdsStreams = true
  const startedAt = performance.now()
  const alice = joinRoom('held', { url: link.url, user: 'alice', location: { x: 0, y: 0 } })
  const bob = joinRoom('held', { url: server.url, user: 'bob', location: { x: 1, y: 1 } })
  try {
    const left: string[] = []
    bob.on('leave', ({ collaborator }) => left.push(collaborator.user))
    await new Promise<void>(resolve => {
      const end = alice.subscribe(() => {
        if (alice.transport !== 'polling' || alice.status !== 'live') return
        end()
        resolve()
      })
    })
    say('held back, the room is polled', startedAt)
    expect(performance.now() - startedAt).toBeLessThan(40_000)
    expect(alice.others).toMatchObject([{ user: 'bob', x: 1 }])
    for (const x of [2, 3]) {
      const movedAt = performance.now()
      bob.move({ x })
      await sees(alice, 'bob', x)
      expect(performance.now() - movedAt).toBeLessThan(6_000)
    }
    expect(left).toEqual([])
    link.holdsStreams = false
    alice.reconnect()
    await until(alice, 'the stream is back', () => alice.transport === 'stream')
    bob.move({ x: 4 })
    await sees(alice, 'bob', 4)
    expect(alice.status).toBe('live')
  } finally {
    await Promise.all([alice.leave(), bob.leave()])
    await link.stop()
  }
}, 90_000)

test.concurrent('a client that changes rooms quickly on a slow path leaves no ghost', async () => {
  const link = await TestLink.start(server.port)
  link.delayMs = 500
  const names = Array.from({ length: 6 }, (_, index) => `quick-${index}`)
  try {
    const leavings: Promise<void>[] = []
    for (const name of names) {
      let onRequest = () => {}
      const isRequested = new Promise<void>(resolve => {
        onRequest = resolve
      })
      const watchedFetch: typeof fetch = (...request) => {
        onRequest()
        return fetch(...request)
      }
      const room = joinRoom(name, { url: link.url, user: 'alice', location: { x: 0, y: 0 }, fetch: watchedFetch })
      // The first request is under way, and its answer takes a second.
      await isRequested
      leavings.push(room.leave())
    }
    const startedAt = performance.now()
    await Promise.all(leavings)
    for (const name of names) {
      for (;;) {
        const response = await fetch(`${server.url}/rooms/${name}/location`)
        const { locations } = (await response.json()) as { locations: unknown[] }
        if (locations.length === 0) break
        expect(performance.now() - startedAt).toBeLessThan(5_000)
      }
    }
    say('the last ghost is gone', startedAt)
  } finally {
    await link.stop()
  }
}, 60_000)
