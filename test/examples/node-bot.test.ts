/** examples/node-bot: a service that moves many bots, seen by a client. */
import { expect, test } from '@jest/globals'
import { until, useRooms } from '../support/joined.ts'
import { metricsAt } from '../support/metrics.ts'
import { freePort } from '../support/ports.ts'
import { useServer } from '../support/rooms.ts'
import { startServer } from '../support/server.ts'
import { waitFor } from '../support/wait-for.ts'
import { useExample } from './example.ts'

const server = useServer('memory')
const strictServer = useServer('memory', { POST_RATE: '1' })
const example = useExample('node-bot')
const join = useRooms()

const start = (url: string, ROOM: string) => example.start('start', { COLOCATE_URL: url, ROOM, INTERVAL_MS: '100' })

test('a client sees 200 bots move, with one request for all of them, and sees them leave when the service stops', async () => {
  const alice = join('many', { url: server.url, user: 'alice', location: { x: 0, y: 0 } })
  const moved = new Set<string>()
  alice.on('move', ({ collaborator }) => moved.add(collaborator.user))
  const bots = await start(server.url, 'many')
  await until(alice, 'every bot has moved', () => moved.size === 200)
  expect(alice.others).toHaveLength(200)
  const metrics = await metricsAt(server.url)
  const posts = metrics.get('colocate_requests_total{route="POST /rooms/:room/location",status="200"}') ?? 0
  const events = metrics.get('colocate_events_total{log="rooms"}') ?? 0
  expect(events).toBeGreaterThanOrEqual(400)
  expect(posts).toBeLessThanOrEqual(events / 200 + 1)
  await bots.stop()
  await until(alice, 'the bots have left', () => alice.others.length === 0)
})

test('the service waits for Retry-After and goes on when the bots move too often', async () => {
  const alice = join('strict', { url: strictServer.url })
  let moves = 0
  alice.on('move', ({ collaborator }) => {
    if (collaborator.user === 'bot-0') moves++
  })
  const { output } = await start(strictServer.url, 'strict')
  await until(alice, 'a bot has moved twice', () => moves >= 2)
  const waits = [...output().matchAll(/429: next attempt in (\d+) ms/g)].map(([, ms]) => Number(ms))
  expect(waits).not.toEqual([])
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(1000)
})

test('the service goes on when the server comes back', async () => {
  const port = await freePort()
  const program = await start(`http://127.0.0.1:${port}`, 'late')
  await waitFor('the service tries again', () => program.output().includes('no answer: next attempt'))
  const late = await startServer({ PORT: String(port) })
  const alice = join('late', { url: late.url })
  await until(alice, 'the bots are there', () => alice.others.length === 200)
  await late.stop()
})
