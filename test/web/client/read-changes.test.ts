import { expect, test } from '@jest/globals'
import { ColocateError } from '../../../web/client/errors.ts'
import { readChanges } from '../../../web/client/read-changes.ts'
import { RoomEvents } from '../../../web/client/room-events.ts'
import type { RoomChange, RoomStatus } from '../../../web/client/types.ts'

const change = (x: number): RoomChange => ({
  type: 'move',
  collaborator: { user: 'bob', name: 'bob', color: '#112233', x, y: 0, at: 1 },
  previous: undefined,
  reason: undefined,
})

/** A room of which only its events and its status matter. */
function setUp() {
  const events = new RoomEvents<Record<string, unknown>>()
  const room = { on: events.on, status: 'live' as RoomStatus, error: undefined as ColocateError | undefined }
  const close = (error?: ColocateError) => {
    Object.assign(room, { status: 'closed', error })
    events.emit('status', 'closed', error)
  }
  return { room, close, move: (x: number) => events.emit('move', change(x)) }
}

const refusal = new ColocateError(403, 'No.')

test('an iterator yields what came before it was read, then what comes', async () => {
  const { room, move } = setUp()
  const changes = readChanges(room)
  move(1)
  expect(await changes.next()).toMatchObject({ value: { collaborator: { x: 1 } } })
  const waiting = changes.next()
  move(2)
  expect(await waiting).toMatchObject({ value: { collaborator: { x: 2 } } })
  await changes.return?.()
  expect(await changes.next()).toEqual({ done: true, value: undefined })
})

test('an iterator yields what it has when the room ends, and then ends', async () => {
  const { room, close, move } = setUp()
  const changes = readChanges(room)
  move(1)
  close()
  expect(await changes.next()).toMatchObject({ done: false })
  expect(await changes.next()).toEqual({ done: true, value: undefined })
})

test('an iterator throws the error that closed the room, also one that begins later', async () => {
  const { room, close } = setUp()
  const changes = readChanges(room)
  const waiting = changes.next()
  close(refusal)
  await expect(waiting).rejects.toThrow('No.')
  expect(await changes.next()).toEqual({ done: true, value: undefined })
  await expect(readChanges(room).next()).rejects.toThrow('No.')
})

test('an iterator keeps the last 1,000 changes', async () => {
  const { room, close, move } = setUp()
  const changes = readChanges(room)
  for (let x = 1; x <= 1_200; x++) move(x)
  close()
  const xs: (number | undefined)[] = []
  for (let next = await changes.next(); !next.done; next = await changes.next()) xs.push(next.value.collaborator.x)
  expect([xs.length, xs[0], xs.at(-1)]).toEqual([1_000, 201, 1_200])
})
