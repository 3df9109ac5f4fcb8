/** How the lease manager renews leases when the broker fails. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { type Hold, type KeepResult, Unavailable } from '../../server/broker/broker.ts'
import { LeaseManager } from '../../server/broker/lease-manager.ts'
import { MemoryBroker } from '../../server/broker/memory/memory-broker.ts'

const options = { historyLength: 10, historyTtlMs: 60_000, leaseMs: 30_000, graceMs: 5_000 }

/** Throws `failure` if it is set, and records the holds of each call. */
class FailingBroker extends MemoryBroker {
  failure: Error | null = null
  readonly kept: string[] = []

  override async keep(topic: string, holder: string, holds: Hold[], isOpen: boolean): Promise<KeepResult> {
    this.kept.push(holds.map(({ key, state }) => `${key} ${state}`).join())
    if (this.failure) throw this.failure
    return super.keep(topic, holder, holds, isOpen)
  }
}

let broker: FailingBroker
let errors: unknown[]
let leases: LeaseManager
beforeEach(() => {
  jest.useFakeTimers()
  broker = new FailingBroker(options)
  errors = []
  leases = new LeaseManager(broker, {
    ...options,
    topic: 'room',
    holder: 'here',
    onHead() {},
    onIdle() {},
    onError: error => errors.push(error),
  })
})
afterEach(async () => {
  broker.failure = null
  await leases.stop()
  jest.useRealTimers()
})

test('the lease manager renews leases at least every third of their time, only at times that many topics share', async () => {
  leases.enter('alice', false)
  const times: number[] = []
  for (let ms = 0; ms < 60_000; ms++) {
    const { length } = broker.kept
    await jest.advanceTimersByTimeAsync(1)
    if (broker.kept.length > length && broker.kept.at(-1) === 'alice held') times.push(performance.now())
  }
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0))
  expect(Math.max(...gaps)).toBeLessThanOrEqual(10_000)
  expect(times.slice(1).filter(time => Math.round(time) % 100 > 1)).toEqual([])
  expect(broker.kept.length).toBeLessThanOrEqual(1 + 60 / 3)
})

test('while the store is unavailable, the lease manager requests the same leases every half second and reports no error', async () => {
  broker.failure = new Unavailable('Redis does not answer.')
  leases.enter('alice', false)
  await jest.advanceTimersByTimeAsync(1_100)
  expect(broker.kept).toEqual(['alice held', 'alice held', 'alice held'])
  expect(errors).toEqual([])
})

test('the lease manager reports a bug in the broker and does not retry it as an outage; its next renewal includes the same leases', async () => {
  const bug = new TypeError('undefined is not a function')
  broker.failure = bug
  leases.enter('alice', false)
  await jest.advanceTimersByTimeAsync(5_000)
  expect(errors).toEqual([bug])
  expect(broker.kept).toEqual(['alice held'])
  broker.failure = null
  leases.enter('bob', true)
  await jest.advanceTimersByTimeAsync(1)
  expect(broker.kept.slice(1)).toEqual(['alice held,bob acked'])
  await jest.advanceTimersByTimeAsync(10_000)
  expect(broker.kept).toContain('alice held')
  expect(errors).toEqual([bug])
})

test('after a bug, the lease manager renews the leases on time', async () => {
  broker.failure = new TypeError('undefined is not a function')
  leases.enter('alice', false)
  await jest.advanceTimersByTimeAsync(1)
  broker.failure = null
  await jest.advanceTimersByTimeAsync(10_001)
  expect(broker.kept.slice(0, 2)).toEqual(['alice held', 'alice held'])
})
