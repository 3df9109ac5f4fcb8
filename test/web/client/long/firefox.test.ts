/** The client in Firefox: tabs share a stream, the next one resumes, and following a link in the last one leaves. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { joinRoom } from '../../../../web/client/index.ts'
import { Firefox, type FirefoxTab } from '../../../support/firefox.ts'
import { isLive, noLongerSees, sees } from '../../../support/joined.ts'
import { startServer, type TestServer } from '../../../support/server.ts'

let server: TestServer
let firefox: Firefox

beforeAll(async () => {
  ;[server, firefox] = await Promise.all([startServer(), Firefox.start()])
}, 60_000)
afterAll(async () => {
  await firefox?.stop()
  await server?.stop()
})

/** Opens a tab that joins the room. Any resource of the server is a page of its origin. */
async function open(): Promise<FirefoxTab> {
  const tab = await firefox.open(`${server.url}/client.js`)
  await tab.evaluate(`import('/client.js').then(({ joinRoom }) => {
    globalThis.room = joinRoom('firefox', { user: 'alice', location: { x: 1, y: 1 } })
    globalThis.xs = []
    for (const type of ['enter', 'move']) room.on(type, ({ collaborator }) => xs.push(collaborator.x))
    globalThis.until = isSo => new Promise(resolve => {
      const look = () => isSo() && resolve(true)
      room.subscribe(look)
      look()
    })
  })`)
  await tab.evaluate(`until(() => room.status === 'live')`)
  return tab
}

const bobIsAt = (tab: FirefoxTab, x: number) => tab.evaluate(`until(() => room.others[0]?.x === ${x})`)

test('tabs share a stream, the leader’s successor misses nothing, and the last page that is left leaves', async () => {
  const bob = joinRoom('firefox', { url: server.url, user: 'bob', location: { x: 1, y: 0 } })
  try {
    await isLive(bob)
    const first = await open()
    const second = await open()
    await sees(bob, 'alice', 1)
    await bobIsAt(second, 1)
    bob.move({ x: 2 })
    await Promise.all([bobIsAt(first, 2), bobIsAt(second, 2)])
    // One tab leads, and the other waits for its lock. The tabs' own locks have other names.
    const locks = await first.evaluate<{ held: number; pending: number }>(
      `navigator.locks.query().then(({ held, pending }) => {
        const count = locks => locks.filter(({ name }) => name.endsWith(' alice')).length
        return { held: count(held), pending: count(pending) }
      })`,
    )
    expect(locks).toEqual({ held: 1, pending: 1 })
    await second.evaluate(`room.move({ x: 7 })`)
    await sees(bob, 'alice', 7)
    await first.close()
    for (let x = 3; x <= 20; x++) {
      bob.move({ x })
      await bob.settled()
    }
    await bobIsAt(second, 20)
    const xs = await second.evaluate<number[]>('xs')
    expect(xs).toEqual([...new Set(xs)])
    expect(xs.slice(-18)).toEqual(Array.from({ length: 18 }, (_, index) => index + 3))
    const leftAt = performance.now()
    await second.evaluate(`void setTimeout(() => location.assign('/healthz'))`)
    await noLongerSees(bob, 'alice')
    process.stdout.write(`firefox: the last page left, gone after ${Math.round(performance.now() - leftAt)} ms\n`)
    // Without the request of the page that ends, the grace of 5 s would end the presence.
    expect(performance.now() - leftAt).toBeLessThan(3_000)
  } finally {
    await bob.leave()
  }
}, 60_000)
