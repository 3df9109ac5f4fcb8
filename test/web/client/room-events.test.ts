import { expect, jest, test } from '@jest/globals'
import { RoomEvents } from '../../../web/client/room-events.ts'
import type { RoomChange } from '../../../web/client/types.ts'

const change = (x: number): RoomChange => ({
  type: 'move',
  collaborator: { user: 'bob', name: 'bob', color: '#112233', x, y: 0, at: 1 },
  previous: undefined,
  reason: undefined,
})

test('subscribers are called once for a batch, also for one inside another, and not when nothing changed', () => {
  const events = new RoomEvents()
  const subscriber = jest.fn()
  events.subscribe(subscriber)
  events.batch(() => {
    events.changed()
    events.batch(() => events.changed())
    expect(subscriber).not.toHaveBeenCalled()
  })
  expect(subscriber).toHaveBeenCalledTimes(1)
  events.batch(() => {})
  expect(subscriber).toHaveBeenCalledTimes(1)
})

test('a listener that throws stops no other one, and its error is reported', () => {
  const report = jest.spyOn(globalThis, 'queueMicrotask').mockImplementation(() => {})
  try {
    const events = new RoomEvents()
    const second = jest.fn()
    events.on('move', () => {
      throw new Error('a bug')
    })
    events.on('move', second)
    events.emit('move', change(1))
    expect(second).toHaveBeenCalledTimes(1)
    expect(report.mock.calls[0]?.[0]).toThrow('a bug')
  } finally {
    report.mockRestore()
  }
})

test('a listener that was added twice is called twice, and ends one by one', () => {
  const events = new RoomEvents()
  const listener = jest.fn()
  const end = events.on('move', listener)
  events.on('move', listener)
  events.emit('move', change(1))
  expect(listener).toHaveBeenCalledTimes(2)
  end()
  end()
  events.emit('move', change(2))
  expect(listener).toHaveBeenCalledTimes(3)
})
