/** examples/python: a client with Python's standard library. */
import { afterAll, expect, test } from '@jest/globals'
import { nanoid } from 'nanoid'
import { post } from '../support/client.ts'
import { noLongerSees, until, useRooms } from '../support/joined.ts'
import { useRedis, useServer } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { waitFor } from '../support/wait-for.ts'
import { useExample } from './example.ts'

const redis = useRedis()
const server = useServer(redis)
const example = useExample('python')
const join = useRooms()
const servers: TestServer[] = []
afterAll(() => Promise.all(servers.map(each => each.stop())))

async function start(url: string, ROOM: string) {
  const program = await example.start('start', { COLOCATE_URL: url, ROOM, PYTHONUNBUFFERED: '1' })
  const prints = (what: RegExp) => waitFor(`it prints ${what}`, () => what.test(program.output()))
  return { ...program, prints }
}

test('a client and the program see each other move, and the program leaves when it ends', async () => {
  const alice = join('both', { url: server.url, user: 'alice', name: 'Alice', location: { x: 7, y: 8 } })
  const program = await start(server.url, 'both')
  await until(alice, 'the program moves', () => (alice.others[0]?.x ?? 0) >= 1)
  expect(alice.others).toMatchObject([{ user: 'snake', name: 'Snake', meta: { steps: alice.others[0]?.x } }])
  alice.move({ x: 9 })
  await program.prints(/Alice is at 9, 8\n/)
  const left = new Promise(resolve => alice.on('leave', ({ reason }) => resolve(reason)))
  await program.stop()
  expect(await left).toBe('left')
  await noLongerSees(alice, 'snake')
})

test('the program prints each move once and in order when its server is killed and comes back', async () => {
  const room = nanoid()
  const killed = await startServer({ REDIS_URL: redis.url })
  servers.push(killed)
  const program = await start(killed.url, room)
  const move = (x: number) => post(server.url, room, { user: 'bob', name: 'Bob', x, y: 0 })
  await program.prints(/snapshot \(joined\)/)
  await move(1)
  await program.prints(/Bob is at 1, 0\n/)
  killed.child.kill('SIGKILL')
  for (const x of [2, 3, 4]) await move(x)
  const back = await startServer({ REDIS_URL: redis.url, PORT: String(killed.port) })
  servers.push(back)
  await program.prints(/Bob is at 4, 0\n/)
  await move(5)
  await program.prints(/Bob is at 5, 0\n/)
  expect(program.output().match(/(?<=Bob is at )\d/g)).toEqual(['1', '2', '3', '4', '5'])
  expect(program.output().match(/snapshot/g)).toHaveLength(1)
  expect(program.output()).toMatch(/resumed after \d+ missed events/)
})
