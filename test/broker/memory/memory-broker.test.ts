import { expect, jest, test } from '@jest/globals'
import { MemoryBroker } from '../../../server/broker/memory/memory-broker.ts'
import { MemoryStore } from '../../../server/broker/memory/memory-store.ts'
import { waitFor } from '../../support/wait-for.ts'
import { brokerContract, options } from '../contract.ts'

const store = new MemoryStore()
brokerContract('memory', async options => new MemoryBroker(options, store))

test('a change of the system clock neither ends nor extends a lease', async () => {
  const broker = new MemoryBroker({ ...options, leaseMs: 100 })
  const clock = jest.spyOn(Date, 'now')
  try {
    await broker.publish('room', [{ key: 'alice', value: '1' }])
    clock.mockReturnValue(Date.now() + 3_600_000)
    expect((await broker.latest('room')).entries).toMatchObject([{ key: 'alice' }])
    clock.mockReturnValue(Date.now() - 7_200_000)
    while ((await broker.latest('room')).entries.length > 0) await new Promise(setImmediate)
  } finally {
    clock.mockRestore()
  }
})

test('the store removes an unused room after its time to live', async () => {
  const store = new MemoryStore()
  const broker = new MemoryBroker({ ...options, historyTtlMs: 100, leaseMs: 50 }, store)
  for (const room of ['one', 'two']) await broker.publish(room, [{ key: 'alice', value: '1' }])
  expect(store.topics.size).toBe(2)
  await waitFor('both rooms are removed', () => store.topics.size === 0)
  await broker.publish('one', [{ key: 'alice', value: '1' }])
  await waitFor('the room is removed again', () => store.topics.size === 0)
})
