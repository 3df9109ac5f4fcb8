import { expect, jest, test } from '@jest/globals'
import { MemoryBroker, MemoryStore } from '../../server/broker/memory.ts'
import { brokerContract, options } from './contract.ts'

const store = new MemoryStore()
brokerContract('memory', async options => new MemoryBroker(options, store))

test('a clock that is set ends no lease, and keeps none', async () => {
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
