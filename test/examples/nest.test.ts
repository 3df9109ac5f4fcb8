/** examples/nest: Colocate inside a Nest application. */
import { expect, test } from '@jest/globals'
import { openStream } from '../support/streams.ts'
import { cellOf, usePages } from './browser.ts'
import { useExample } from './example.ts'

const example = useExample('nest')
const pages = usePages()

test('two people see each other move, and the application sees them too', async () => {
  const { url } = await example.start('start', { PORT: '0' })
  const alice = await pages.open(`${url}/?user=alice`)
  const bob = await pages.open(`${url}/?user=bob`)
  await cellOf(alice, 3, 4).click()
  await cellOf(bob, 3, 4).getByText('alice').waitFor()
  await cellOf(bob, 1, 2).click()
  await cellOf(alice, 1, 2).getByText('bob').waitFor()
  const { locations } = (await (await fetch(`${url}/who`)).json()) as { locations: object[] }
  expect(locations).toMatchObject([
    { user: 'alice', x: 3, y: 4 },
    { user: 'bob', x: 1, y: 2 },
  ])
})

test('on SIGTERM the application ends its streams in order, and then itself', async () => {
  const { url, stop } = await example.start('start', { PORT: '0' })
  const stream = await openStream(`${url}/presence/rooms/nest/location/sse`)
  await stream.next('snapshot')
  await Promise.all([stop(), stream.ended()])
  expect(stream.text).toMatch(/\nretry: \d+\n$/)
})
