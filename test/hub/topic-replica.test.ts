/** How a replica catches up when the broker fails, and in which order it reads. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { type History, Unavailable } from '../../server/broker/broker.ts'
import { MemoryBroker } from '../../server/broker/memory/memory-broker.ts'
import { HubStats } from '../../server/hub/stats.ts'
import { TopicReplica } from '../../server/hub/topic-replica.ts'
import { locationFormat } from '../../server/location/location-format.ts'

const options = { historyLength: 10, historyTtlMs: 60_000, leaseMs: 30_000, graceMs: 5_000 }

/** A broker whose histories fail with a given error. */
class FailingBroker extends MemoryBroker {
  failure: Error | null = null
  histories = 0

  override async history(topic: string, id: string): Promise<History> {
    this.histories++
    if (this.failure) throw this.failure
    return super.history(topic, id)
  }
}

let broker: FailingBroker
let errors: unknown[]
let changes: number
let replica: TopicReplica
beforeEach(async () => {
  jest.useFakeTimers()
  broker = new FailingBroker(options)
  errors = []
  changes = 0
  replica = new TopicReplica({
    topic: 'room',
    broker,
    format: locationFormat,
    stats: new HubStats(),
    historyLength: 10,
    onChange: () => changes++,
    onError: error => errors.push(error),
  })
  await replica.open()
})
afterEach(() => {
  replica.close()
  jest.useRealTimers()
})

const publish = () => broker.publish('room', [{ key: 'alice', value: '{"user":"alice","x":1,"y":2}' }])

test('while the store is unavailable, the replica tries again until it has caught up, and reports no error', async () => {
  broker.failure = new Unavailable('Redis does not answer.')
  replica.interrupted()
  await jest.advanceTimersByTimeAsync(1_100)
  expect(broker.histories).toBeGreaterThanOrEqual(3)
  broker.failure = null
  await jest.advanceTimersByTimeAsync(500)
  const { histories } = broker
  await jest.advanceTimersByTimeAsync(5_000)
  expect(broker.histories).toBe(histories)
  expect(errors).toEqual([])
})

test('a bug in the broker is reported and not retried as an outage, and the next event is applied as ever', async () => {
  const bug = new TypeError('undefined is not a function')
  broker.failure = bug
  replica.interrupted()
  await jest.advanceTimersByTimeAsync(5_000)
  expect([broker.histories, errors]).toEqual([1, [bug]])
  broker.failure = null
  const { end } = replica.buffer
  await publish()
  expect(replica.buffer.end).toBe(end + 1)
})

test('after a bug, the next announcement that does not follow makes the replica catch up', async () => {
  broker.failure = new TypeError('undefined is not a function')
  const receipts = await publish()
  replica.announced('1-1', [])
  await jest.advanceTimersByTimeAsync(5_000)
  broker.failure = null
  replica.announced('1-1', [])
  await jest.advanceTimersByTimeAsync(1)
  expect([broker.histories, errors.length]).toEqual([2, 1])
  expect(replica.buffer.has(receipts?.[0]?.id ?? '')).toBe(true)
})

test('requests for the same reading share it until it has started, and one that comes later causes another', async () => {
  for (let i = 0; i < 5; i++) replica.interrupted()
  await jest.advanceTimersByTimeAsync(1)
  expect(broker.histories).toBe(1)
  replica.interrupted()
  await jest.advanceTimersByTimeAsync(1)
  expect(broker.histories).toBe(2)
})

test('announcements that arrive during a reading are applied after it', async () => {
  const seen = changes
  replica.interrupted()
  await Promise.resolve()
  await Promise.all([publish(), publish()])
  await jest.advanceTimersByTimeAsync(1)
  expect(replica.buffer.end).toBe(2)
  expect(changes).toBeGreaterThan(seen)
})

test('announcements past 4 MiB during a reading are read from the history instead', async () => {
  const reading = replica.reach('1-1')
  const value = JSON.stringify({ user: 'alice', x: 1, y: 2, meta: 'x'.repeat(1_000_000) })
  for (let i = 0; i < 6; i++) await broker.publish('room', [{ key: 'alice', value }])
  await reading
  await jest.advanceTimersByTimeAsync(1)
  expect(replica.buffer.end).toBe(6)
})
