/** The client library in Node.js, with a server process. */
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { EventSource } from 'eventsource'
import { Client, type ClientOptions } from '../../../web/client/room-client.ts'
import { startServer } from '../../support/server.ts'

let server: Awaited<ReturnType<typeof startServer>>
let clients: Client[] = []

beforeAll(async () => {
  server = await startServer({ LEAVE_GRACE_MS: '100', HEARTBEAT_MS: '100', LEASE_MS: '400' })
})

afterAll(async () => {
  await server?.stop()
})

afterEach(() => {
  for (const client of clients) client.close()
  clients = []
})

const source = EventSource as unknown as typeof globalThis.EventSource

/** Opens a client, and returns functions that wait for a state of it. */
function join(options: Partial<ClientOptions> & { room: string }) {
  const changes = new EventTarget()
  const notify = () => changes.dispatchEvent(new Event('change'))
  let status = ''
  const client = new Client({
    base: server.url,
    EventSource: source,
    onChange: notify,
    onStatus(now) {
      status = now
      notify()
    },
    ...options,
  })
  clients.push(client)
  const until = async (condition: () => boolean) => {
    while (!condition()) await once(changes, 'change')
  }
  const sees = (user: string, x: number, y: number) =>
    until(() => client.where(user)?.x === x && client.where(user)?.y === y)
  return { client, sees, until, hasStatus: (wanted: string) => until(() => status === wanted) }
}

test('two clients see each other, move, and leave', async () => {
  const alice = join({ room: 'two', user: 'alice', where: { x: 0, y: 0, name: 'Alice' } })
  const bob = join({ room: 'two', user: 'bob', where: { x: 1, y: 1 } })
  await bob.sees('alice', 0, 0)
  await alice.sees('bob', 1, 1)
  for (let x = 1; x <= 50; x++) alice.client.publish({ x, y: 7, name: 'Alice', meta: { editing: true } })
  await bob.sees('alice', 50, 7)
  expect(bob.client.where('alice')).toMatchObject({ name: 'Alice', meta: { editing: true } })
  alice.client.close()
  await bob.until(() => bob.client.where('alice') === undefined)
})

test('a client without a location follows a room without joining it', async () => {
  const alice = join({ room: 'observer', user: 'alice', where: { x: 3, y: 4 } })
  const observer = join({ room: 'observer' })
  await observer.sees('alice', 3, 4)
  await alice.hasStatus('live')
  expect([...observer.client.users()]).toEqual(['alice'])
})

test('an anonymous client without cookies stays the same guest after several moves', async () => {
  const { client, until } = join({ room: 'guest', where: { x: 0, y: 0 } })
  const observer = join({ room: 'guest' })
  const guest = () => client.where(client.me ?? '')
  await until(() => guest() !== undefined)
  for (let x = 1; x <= 5; x++) {
    client.publish({ x, y: 0 })
    await observer.until(() => observer.client.where(client.me ?? '')?.x === x)
  }
  expect([...observer.client.users()]).toEqual([client.me])
  expect(guest()?.name).toMatch(/^Guest /)
})

test('onPublished receives the refusal of a location', async () => {
  const refused = await new Promise(resolve => {
    join({ room: 'refused', user: 'alice', where: { x: 1, y: 1, color: 'red' }, onPublished: resolve })
  })
  expect(refused).toMatchObject({ status: 400 })
})

test('a refused stream makes the client offline', async () => {
  const { hasStatus } = join({ room: 'final', user: 'x'.repeat(65) })
  await hasStatus('offline')
})

test('a client that answers the pings stays in the room for longer than the lease', async () => {
  let answers = 0
  const tenAnswers = new EventTarget()
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const response = await globalThis.fetch(input, init)
    if (String(input).endsWith('/alive')) {
      expect(response.status).toBe(204)
      if (++answers === 10) tenAnswers.dispatchEvent(new Event('reached'))
    }
    return response
  }
  const left: string[] = []
  const alice = join({ room: 'pings', user: 'alice', where: { x: 1, y: 1 }, fetch })
  const bob = join({
    room: 'pings',
    user: 'bob',
    onChange: users => left.push(...[...users].filter(user => !bob.client.where(user))),
  })
  await once(tenAnswers, 'reached')
  expect(bob.client.where('alice')).toMatchObject({ x: 1, y: 1 })
  expect(alice.client.where('alice')).toMatchObject({ x: 1, y: 1 })
  expect(left).toEqual([])
})
