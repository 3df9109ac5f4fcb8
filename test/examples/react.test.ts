/** examples/react: Vite's development server in front of the Colocate server. */
import { expect, test } from '@jest/globals'
import { useServer } from '../support/rooms.ts'
import { cellOf, usePages } from './browser.ts'
import { useExample } from './example.ts'

/** Not open mode, where every loopback origin is allowed. */
const server = useServer('memory', { AUTH: 'off' })
const example = useExample('react')
const pages = usePages()

test('two people see each other move under StrictMode, and one sees the other leave', async () => {
  const { url } = await example.start('start', { COLOCATE_URL: server.url })
  const alice = await pages.open(`${url}/?user=alice`)
  const bob = await pages.open(`${url}/?user=bob`)
  await alice.getByText('live, 1 others').waitFor()
  await cellOf(alice, 3, 4).click()
  await cellOf(bob, 3, 4).getByText('alice').waitFor()
  await cellOf(bob, 1, 2).click()
  await cellOf(alice, 1, 2).getByText('bob').waitFor()
  await bob.close({ runBeforeUnload: true })
  await alice.getByText('live, 0 others').waitFor()
})

test("with Vite's short form of a proxy, the server refuses a move and names CORS_ORIGINS", async () => {
  const restore = await example.replace('vite.config.ts', /\{ target: (.*) \}/, '$1')
  const vite = await example.start('start', { COLOCATE_URL: server.url })
  const page = await pages.open(vite.url)
  const response = await page.waitForResponse(answer => answer.request().method() === 'POST' && !answer.ok())
  expect(response.status()).toBe(403)
  expect((await response.json()).detail).toContain(`host "${new URL(server.url).host}", and it is not in CORS_ORIGINS`)
  await vite.stop()
  await restore()
})

test('it compiles, and Vite builds it', async () => {
  await example.run('check')
  await example.run('build')
})
