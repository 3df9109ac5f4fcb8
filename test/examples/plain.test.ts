/** examples/plain: one HTML file, served by a web server of its own. */
import { expect, test } from '@jest/globals'
import { useServer } from '../support/rooms.ts'
import { cellOf, usePages } from './browser.ts'
import { useExample } from './example.ts'

const server = useServer('memory')
const example = useExample('plain')
const pages = usePages()

test('two people see each other move, and one sees the other leave', async () => {
  await example.replace('index.html', 'http://127.0.0.1:3000', server.url)
  await example.replace('package.json', '8080', '0')
  const { url } = await example.start('start', { PYTHONUNBUFFERED: '1' })
  const alice = await pages.open(`${url}/?user=alice`)
  const bob = await pages.open(`${url}/?user=bob`)
  await cellOf(alice, 0, 0).getByText('bob').waitFor()
  await cellOf(alice, 3, 4).click()
  await cellOf(bob, 3, 4).getByText('alice').waitFor()
  await cellOf(bob, 1, 2).click()
  await cellOf(alice, 1, 2).getByText('bob').waitFor()
  await bob.close({ runBeforeUnload: true })
  await alice.getByText('bob').waitFor({ state: 'detached' })
  expect(await alice.locator('#status').textContent()).toBe('live')
})
