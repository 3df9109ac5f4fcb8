/** examples/next: a Next.js application whose rewrite leads to the Colocate server. */
import { afterEach, beforeAll, expect, test } from '@jest/globals'
import { freePort } from '../support/ports.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { openStream } from '../support/streams.ts'
import { cellOf, usePages } from './browser.ts'
import { useExample } from './example.ts'

const example = useExample('next')
const pages = usePages()
let port: number
let url: string
let server: TestServer | undefined

beforeAll(async () => {
  port = await freePort()
  await example.replace('package.json', '--port 8080', '--port 0')
  ;({ url } = await example.start('start', { COLOCATE_URL: `http://127.0.0.1:${port}` }))
}, 300_000)
afterEach(() => server?.stop())

/** Not in open mode, where every loopback origin is allowed. */
async function start(env: Record<string, string> = {}): Promise<void> {
  server = await startServer({ PORT: String(port), AUTH: 'off', DRAIN_MS: '100', ...env })
}

test('two people see each other move when CORS_ORIGINS names the application', async () => {
  await start({ CORS_ORIGINS: url })
  const alice = await pages.open(`${url}/?user=alice`)
  const bob = await pages.open(`${url}/?user=bob`)
  await alice.getByText('live, 1 others').waitFor()
  await cellOf(alice, 3, 4).click()
  await cellOf(bob, 3, 4).getByText('alice').waitFor()
  await cellOf(bob, 1, 2).click()
  await cellOf(alice, 1, 2).getByText('bob').waitFor()
})

test('without CORS_ORIGINS every move is a 403, and the page shows which setting is missing', async () => {
  await start()
  const page = await pages.open(`${url}/?user=alice`)
  await page.getByText(new RegExp(`The origin "${url}" may not change anything.* not in CORS_ORIGINS`)).waitFor()
})

test('the rewrite neither compresses a stream nor holds it back', async () => {
  await start({ CORS_ORIGINS: url })
  const room = `${url}/presence/rooms/next/location`
  const stream = await openStream(`${room}/sse`, { headers: { 'accept-encoding': 'gzip, br' } })
  expect(stream.headers.get('content-encoding')).toBeNull()
  await stream.next('snapshot')
  for (const x of [1, 2, 3]) {
    const body = JSON.stringify({ user: 'alice', x, y: 0 })
    await fetch(room, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    expect(await stream.next('location')).toMatchObject({ user: 'alice', x })
  }
  stream.close()
})
