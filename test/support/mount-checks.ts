/** What holds for Colocate mounted in any application, checked over HTTP. */
import { expect } from '@jest/globals'
import { post } from './client.ts'
import { openStream } from './streams.ts'

/** Cuts a stream of the room `budget`, resumes it, and expects what was published in between, and what is published then. */
export async function expectToResume(mounted: string): Promise<void> {
  const url = `${mounted}/rooms/budget/location/sse`
  const publish = (x: number) => post(mounted, 'budget', { user: 'alice', x, y: 3 })
  const stream = await openStream(url)
  await stream.next('snapshot')
  await publish(1)
  expect(await stream.next()).toMatchObject({ type: 'location', user: 'alice', x: 1 })
  stream.close()
  await publish(2)
  const resumed = await openStream(url, { headers: { 'last-event-id': stream.lastEventId } })
  expect(await resumed.next()).toMatchObject({ type: 'resumed', missed: 1 })
  expect(await resumed.next()).toMatchObject({ type: 'location', user: 'alice', x: 2 })
  await publish(3)
  expect(await resumed.next()).toMatchObject({ type: 'location', user: 'alice', x: 3 })
  resumed.close()
}

/** Closes Colocate while a stream is open, and expects that only Colocate has ended, and not the application's `ownRoute`. */
export async function expectToEndAlone(
  mounted: string,
  ownRoute: string,
  close: () => Promise<unknown>,
): Promise<void> {
  const stream = await openStream(`${mounted}/rooms/budget/location/sse`)
  await stream.next('snapshot')
  await close()
  await stream.ended()
  expect(stream.text).toMatch(/retry: \d{4}\n$/)
  const refused = await fetch(`${mounted}/rooms/budget/location`)
  expect(refused.status).toBe(503)
  expect(await refused.json()).toMatchObject({ status: 503 })
  expect(await (await fetch(ownRoute)).text()).toBe('hello')
}
