/**
 * The promises of every broker. Each suite runs these tests against its own kind of broker.
 */
import { EventEmitter, once } from 'node:events'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { nanoid } from 'nanoid'
import {
  type Broker,
  type BrokerOptions,
  beginning,
  type Draft,
  type Event,
  type Receipt,
} from '../../server/broker/broker.ts'
import { waitFor } from '../support/wait-for.ts'

export const options: BrokerOptions = { historyLength: 10, historyTtlMs: 60_000, leaseMs: 60_000, graceMs: 60_000 }

/** Publishes the drafts. Throws if the topic has reached its limit of keys. */
export async function publishTo(broker: Broker, topic: string, drafts: Draft[]): Promise<Receipt[]> {
  const receipts = await broker.publish(topic, drafts)
  if (!receipts) throw new Error('The topic has reached its limit of keys.')
  return receipts
}

/** Makes a broker. All brokers that the same `open` makes share one log. */
export type Open = (options: BrokerOptions) => Promise<Broker>

/** `roundTripMs` is the round-trip time to the log. The tests extend leases and times to live by a multiple of it. */
export function brokerContract(name: string, open: Open, roundTripMs = 0): void {
  const scaled = (ms: number) => ms + 5 * roundTripMs
  describe(`the ${name} broker`, () => {
    let broker: Broker
    /** A broker with short leases and an equally short grace period. */
    let shortLease: Broker
    beforeAll(async () => {
      broker = await open(options)
      shortLease = await open({ ...options, leaseMs: scaled(100), graceMs: scaled(100) })
    })

    const publish = async (topic: string, key: string, value: string, seq?: number) => {
      const [receipt] = await publishTo(broker, topic, [{ key, value, seq }])
      if (!receipt) throw new Error('no receipt')
      return receipt
    }

    describe('log', () => {
      test('is empty before the first publish, and its head is the beginning', async () => {
        const topic = nanoid()
        expect(await broker.latest(topic)).toEqual({ head: beginning, entries: [] })
        expect(await broker.history(topic, beginning)).toEqual({ recovered: true, events: [] })
      })

      test('returns the events after any of its ids, in order', async () => {
        const topic = nanoid()
        const ids: string[] = []
        for (const value of ['1', '2', '3']) ids.push((await publish(topic, 'alice', value)).id)
        expect(new Set(ids).size).toBe(3)
        const valuesAfter = async (id: string) => {
          const { recovered, events } = await broker.history(topic, id)
          return [recovered, ...events.map(({ value }) => value)]
        }
        expect(await valuesAfter(beginning)).toEqual([true, '1', '2', '3'])
        expect(await valuesAfter(ids[0] ?? '')).toEqual([true, '2', '3'])
        expect(await valuesAfter(ids[2] ?? '')).toEqual([true])
      })

      test('assigns increasing ids within one publish and across several', async () => {
        const topic = nanoid()
        const drafts = ['a', 'b', 'c'].map(key => ({ key, value: '0' }))
        for (let i = 0; i < 3; i++) await broker.publish(topic, drafts)
        const { events } = await broker.history(topic, beginning)
        const ids = events.map(({ id }) => id)
        expect(ids).toHaveLength(9)
        expect([...ids].sort(byId)).toEqual(ids)
      })

      test('does not recover from an id that is well-formed or similar but not in the log', async () => {
        const topic = nanoid()
        const { id } = await publish(topic, 'alice', '1')
        const [ms, n] = id.split('-').map(Number)
        const numbers = [`${ms}-${Number(n) + 1}`, `${Number(ms) - 1}-0`, `${Number(ms) + 1}-0`, `${ms}`]
        for (const other of [...numbers, 'nonsense', '+', '-', `(${id}`, `${id}0000000000000000000`, `${id} `]) {
          expect(await broker.history(topic, other)).toMatchObject({ recovered: false, events: [{ id }] })
        }
      })

      test('is trimmed to its maximum length and then no longer recovers from the beginning', async () => {
        const topic = nanoid()
        const ids: string[] = []
        for (let i = 0; i < 12; i++) ids.push((await publish(topic, 'alice', String(i))).id)
        const fromStart = await broker.history(topic, beginning)
        expect(fromStart.recovered).toBe(false)
        expect(fromStart.events.map(({ id }) => id)).toEqual(ids.slice(2))
        expect((await broker.history(topic, ids[1] ?? '')).recovered).toBe(false)
        expect((await broker.history(topic, ids[2] ?? '')).recovered).toBe(true)
      })

      test('stores any single-line text unchanged', async () => {
        const topic = nanoid()
        const value = '{"a":"tab\\tand \\n, ü, \u2028, 😀, \'=:,-\'"}'
        await publish(topic, 'Zoë=h:1,😀', value)
        expect((await broker.latest(topic)).entries).toMatchObject([{ key: 'Zoë=h:1,😀', value }])
        expect((await broker.history(topic, beginning)).events).toMatchObject([
          { key: 'Zoë=h:1,😀', value, reason: '' },
        ])
      })
    })

    describe('values', () => {
      test('are the latest of each key, with the id of their events', async () => {
        const topic = nanoid()
        await publish(topic, 'alice', '1')
        const bob = await publish(topic, 'bob', '2')
        const alice = await publish(topic, 'alice', '3')
        const { head, entries } = await broker.latest(topic)
        expect(head).toBe(alice.id)
        expect(entries.toSorted(byKey)).toEqual([
          { key: 'alice', value: '3', id: alice.id },
          { key: 'bob', value: '2', id: bob.id },
        ])
      })

      test('are removed once, and the log records the reason', async () => {
        const topic = nanoid()
        await publish(topic, 'alice', '1')
        await broker.remove(topic, 'alice', 'left')
        await broker.remove(topic, 'alice', 'left')
        await broker.remove(topic, 'unknown', 'left')
        expect((await broker.latest(topic)).entries).toEqual([])
        const { events } = await broker.history(topic, beginning)
        expect(events).toMatchObject([{ value: '1' }, { key: 'alice', value: null, reason: 'left' }])
      })

      test('do not change when a draft is stale, and the receipt has the id of the current value', async () => {
        const topic = nanoid()
        const first = await publish(topic, 'alice', '1', 5)
        expect(first.stale).toBe(false)
        for (const seq of [5, 4, -1])
          expect(await publish(topic, 'alice', '2', seq)).toEqual({ id: first.id, stale: true })
        const second = await publish(topic, 'alice', '3', 6)
        expect(second.stale).toBe(false)
        await publish(topic, 'alice', '4')
        expect(await publish(topic, 'alice', '5', 6)).toMatchObject({ stale: true })
        await broker.remove(topic, 'alice', 'left')
        expect(await publish(topic, 'alice', '6', 1)).toMatchObject({ stale: false })
      })

      test('have sequence numbers that are compared exactly even when they are large', async () => {
        const topic = nanoid()
        await publish(topic, 'alice', '1', Number.MAX_SAFE_INTEGER - 1)
        expect(await publish(topic, 'alice', '2', Number.MAX_SAFE_INTEGER)).toMatchObject({ stale: false })
        expect(await publish(topic, 'alice', '3', Number.MAX_SAFE_INTEGER)).toMatchObject({ stale: true })
      })

      test('in one publish are applied one after another', async () => {
        const topic = nanoid()
        const receipts = await publishTo(broker, topic, [
          { key: 'alice', value: '1', seq: 1 },
          { key: 'alice', value: '2', seq: 1 },
          { key: 'alice', value: '3', seq: 2 },
        ])
        expect(receipts.map(({ stale }) => stale)).toEqual([false, true, false])
        expect(receipts[1]?.id).toBe(receipts[0]?.id)
        expect((await broker.latest(topic)).entries).toMatchObject([{ value: '3' }])
      })
    })

    describe('append', () => {
      const begin = (topic: string) => broker.publish(topic, [{ key: 'run', value: 'begun', seq: 0 }])
      const valuesOf = async (topic: string) =>
        (await broker.history(topic, beginning)).events.map(({ value, reason }) => value ?? reason)

      test('adds values to the log in order and keeps the last one as the latest', async () => {
        const topic = nanoid()
        await begin(topic)
        expect(await broker.append(topic, 'run', 1, ['a', 'b'])).toBe(true)
        expect(await broker.append(topic, 'run', 3, ['c'])).toBe(true)
        expect(await valuesOf(topic)).toEqual(['begun', 'a', 'b', 'c'])
        const { head, entries } = await broker.latest(topic)
        expect(entries).toEqual([{ id: head, key: 'run', value: 'c' }])
      })

      test('ignores values that it has already appended, all of them or some', async () => {
        const topic = nanoid()
        await begin(topic)
        await broker.append(topic, 'run', 1, ['a', 'b'])
        expect(await broker.append(topic, 'run', 1, ['a', 'b'])).toBe(true)
        expect(await broker.append(topic, 'run', 2, ['b', 'c'])).toBe(true)
        expect(await valuesOf(topic)).toEqual(['begun', 'a', 'b', 'c'])
      })

      test('neither creates a key nor recreates a removed one', async () => {
        const topic = nanoid()
        expect(await broker.append(topic, 'run', 1, ['a'])).toBe(false)
        await begin(topic)
        await broker.remove(topic, 'run', 'over')
        expect(await broker.append(topic, 'run', 1, ['a'])).toBe(false)
        expect(await valuesOf(topic)).toEqual(['begun', 'over'])
      })

      test('returns false once the lease of the key has expired, and adds nothing to the log after that', async () => {
        const topic = nanoid()
        await begin(topic)
        await shortLease.keep(topic, 'a', [{ key: 'run', state: 'held' }], true)
        while (await shortLease.append(topic, 'run', 1, ['a'])) await new Promise(setImmediate)
        expect(await valuesOf(topic)).toEqual(['begun', 'a', 'expired'])
      })

      test('announces all values of one call to a subscriber together', async () => {
        const topic = nanoid()
        const { received, subscriber } = recordingSubscriber()
        const unsubscribe = await broker.subscribe(topic, subscriber)
        await begin(topic)
        await broker.append(topic, 'run', 1, ['a', 'b'])
        await received.until(({ value }) => value === 'b')
        unsubscribe()
        expect(received.previousIds).toHaveLength(2)
        expect(received.gaps).toBe(0)
      })

      test('keeps every event when the history has no limit', async () => {
        const long = await open({ ...options, historyLength: Number.MAX_SAFE_INTEGER })
        const topic = nanoid()
        await long.publish(topic, [{ key: 'run', value: 'begun', seq: 0 }])
        const values = Array.from({ length: 2_500 }, (_, i) => `${i}`)
        await long.append(topic, 'run', 1, values)
        await long.remove(topic, 'run', 'over')
        expect(await valuesOf(topic)).toEqual(['begun', ...values, 'over'])
        expect(await long.history(topic, beginning)).toMatchObject({ recovered: true })
      })
    })

    describe('a subscriber', () => {
      test('receives every event once and in order, and each announcement carries the id of the event before it', async () => {
        const topic = nanoid()
        const { received, subscriber } = recordingSubscriber()
        const before = await publish(topic, 'alice', '0')
        const unsubscribe = await broker.subscribe(topic, subscriber)
        await Promise.all(Array.from({ length: 50 }, (_, i) => publish(topic, `user${i % 7}`, String(i))))
        await broker.publish(topic, [
          { key: 'x', value: 'last' },
          { key: 'y', value: 'end' },
        ])
        await received.until(({ value }) => value === 'end')
        unsubscribe()
        expect(received.events).toHaveLength(52)
        expect(received.previousIds[0]).toBe(before.id)
        expect(received.gaps).toBe(0)
        const ids = received.events.map(({ id }) => id)
        expect([...ids].sort(byId)).toEqual(ids)
      })

      test('that publishes from its callback does not change the order for later subscribers', async () => {
        const topic = nanoid()
        const [first, second] = [recordingSubscriber(), recordingSubscriber()]
        const announced = (after: string, events: Event[]) => {
          first.subscriber.announced(after, events)
          if (events.some(({ value }) => value === '1')) void broker.publish(topic, [{ key: 'reply', value: '2' }])
        }
        const stops = [
          await broker.subscribe(topic, { ...first.subscriber, announced }),
          await broker.subscribe(topic, second.subscriber),
        ]
        await publish(topic, 'alice', '1')
        for (const { received } of [first, second]) {
          await received.until(({ value }) => value === '2')
          expect(received.events.map(({ value }) => value)).toEqual(['1', '2'])
          expect(received.gaps).toBe(0)
        }
        for (const stop of stops) stop()
      })

      test('receives no events of other topics and none after it unsubscribes', async () => {
        const [topic, other] = [nanoid(), nanoid()]
        const [mine, control] = [recordingSubscriber(), recordingSubscriber()]
        const unsubscribe = await broker.subscribe(topic, mine.subscriber)
        const stop = await broker.subscribe(topic, control.subscriber)
        await publish(other, 'alice', '0')
        await publish(topic, 'alice', '1')
        await mine.received.until(({ value }) => value === '1')
        unsubscribe()
        await publish(topic, 'alice', '2')
        await control.received.until(({ value }) => value === '2')
        stop()
        expect(mine.received.events.map(({ value }) => value)).toEqual(['1'])
      })

      test('that subscribes again at once receives the events that follow', async () => {
        const topic = nanoid()
        for (let i = 0; i < 20; i++) {
          const { received, subscriber } = recordingSubscriber()
          const unsubscribe = await broker.subscribe(topic, subscriber)
          await publish(topic, 'alice', String(i))
          await received.until(({ value }) => value === String(i))
          unsubscribe()
        }
      })
    })

    describe('a topic with a key limit', () => {
      const draftsOf = (...keys: string[]) => keys.map(key => ({ key, value: '1' }))
      let small: Broker
      beforeAll(async () => {
        small = await open({ ...options, maxKeys: 3 })
      })
      const keysOf = async (topic: string) => (await small.latest(topic)).entries.map(({ key }) => key).sort()

      test('refuses a new key beyond the limit and accepts drafts for existing keys', async () => {
        const topic = nanoid()
        for (const key of ['a', 'b', 'c']) expect(await small.publish(topic, draftsOf(key))).toHaveLength(1)
        expect(await small.publish(topic, draftsOf('d'))).toBeNull()
        expect(await small.publish(topic, draftsOf('a'))).toMatchObject([{ stale: false }])
        await small.remove(topic, 'b', 'left')
        expect(await small.publish(topic, draftsOf('d'))).toHaveLength(1)
        expect(await keysOf(topic)).toEqual(['a', 'c', 'd'])
      })

      test('publishes all drafts of a call or none', async () => {
        const topic = nanoid()
        await small.publish(topic, draftsOf('a', 'b'))
        expect(await small.publish(topic, draftsOf('a', 'c', 'd'))).toBeNull()
        expect(await small.publish(topic, draftsOf('a', 'c', 'c'))).toHaveLength(3)
        expect(await keysOf(topic)).toEqual(['a', 'b', 'c'])
        expect((await small.history(topic, beginning)).events).toHaveLength(5)
      })

      test('refuses only those concurrent calls that exceed the limit', async () => {
        const topic = nanoid()
        const calls = [['a', 'b'], ['c', 'd'], ['a'], ['c'], ['e']].map(keys => small.publish(topic, draftsOf(...keys)))
        const receipts = await Promise.all(calls)
        expect(receipts.map(all => all?.length ?? null)).toEqual([2, null, 1, 1, null])
        expect(await keysOf(topic)).toEqual(['a', 'b', 'c'])
        const { events } = await small.history(topic, beginning)
        expect(events.map(({ key }) => key)).toEqual(['a', 'b', 'a', 'c'])
        expect(events.map(({ id }) => id)).toEqual(receipts.flatMap(all => all?.map(({ id }) => id) ?? []))
      })

      test('accepts a new key once a lease has ended', async () => {
        const brief = await open({ ...options, leaseMs: scaled(100), maxKeys: 1 })
        const topic = nanoid()
        await brief.publish(topic, draftsOf('a'))
        await waitFor('the topic accepts a new key', async () => (await brief.publish(topic, draftsOf('b'))) !== null)
      })
    })

    describe('a lease', () => {
      test('set by a publish expires, and the brokers that check it announce its end exactly once', async () => {
        const topic = nanoid()
        await shortLease.publish(topic, [{ key: 'service', value: '1' }])
        await untilRemoved(topic, 'service')
        await Promise.all([shortLease.latest(topic), shortLease.latest(topic), shortLease.keep(topic, 'a', [], true)])
        expect(await removalReasons(topic)).toEqual(['expired'])
      })

      test('outlives the lease of the publish while its holder keeps it', async () => {
        const topic = nanoid()
        await broker.keep(topic, 'a', [{ key: 'alice', state: 'held' }], true)
        await shortLease.publish(topic, [
          { key: 'alice', value: '1' },
          { key: 'service', value: '1' },
        ])
        await untilRemoved(topic, 'service')
        expect((await shortLease.latest(topic)).entries).toMatchObject([{ key: 'alice' }])
      })

      test('ends after the grace period with reason "closed" when its last holder releases it, even if a publish follows the release', async () => {
        const topic = nanoid()
        await broker.keep(topic, 'a', [{ key: 'alice', state: 'held' }], true)
        await broker.publish(topic, [{ key: 'alice', value: '1' }])
        await shortLease.keep(topic, 'a', [{ key: 'alice', state: 'released' }], true)
        await broker.publish(topic, [{ key: 'alice', value: '2' }])
        await untilRemoved(topic, 'alice')
        expect(await removalReasons(topic)).toEqual(['closed'])
      })

      test('continues when its holder returns within the grace period or another holder keeps it', async () => {
        const topic = nanoid()
        const held = [{ key: 'alice', state: 'held' }] as const
        const released = [{ key: 'alice', state: 'released' }] as const
        await broker.publish(topic, [{ key: 'alice', value: '1' }])
        await broker.keep(topic, 'a', [...held], true)
        await shortLease.keep(topic, 'a', [...released], true)
        await broker.keep(topic, 'a', [...held], true)
        await broker.keep(topic, 'b', [...held], true)
        await shortLease.keep(topic, 'a', [...released], true)
        await shortLease.publish(topic, [{ key: 'service', value: '1' }])
        await untilRemoved(topic, 'service')
        expect((await shortLease.latest(topic)).entries).toMatchObject([{ key: 'alice' }])
      })

      test('of a killed holder expires by itself, even if another holder released the key before', async () => {
        const topic = nanoid()
        await broker.keep(topic, 'a', [{ key: 'alice', state: 'released' }], true)
        await shortLease.keep(topic, 'killed', [{ key: 'alice', state: 'held' }], true)
        await broker.publish(topic, [{ key: 'alice', value: '1' }])
        await untilRemoved(topic, 'alice')
        expect(await removalReasons(topic)).toEqual(['expired'])
      })

      test('of a killed holder ends by itself with reason "expired"', async () => {
        const topic = nanoid()
        await shortLease.keep(topic, 'killed', [{ key: 'alice', state: 'held' }], true)
        await broker.publish(topic, [{ key: 'alice', value: '1' }])
        await untilRemoved(topic, 'alice')
        expect(await removalReasons(topic)).toEqual(['expired'])
      })

      test('that requires acknowledgements is renewed by each one', async () => {
        const topic = nanoid()
        await shortLease.keep(
          topic,
          'a',
          [
            { key: 'alice', state: 'acked' },
            { key: 'mute', state: 'acked' },
          ],
          true,
        )
        await broker.publish(topic, [
          { key: 'alice', value: '1' },
          { key: 'mute', value: '1' },
        ])
        await broker.alive(topic, 'alice')
        await untilRemoved(topic, 'mute')
        expect((await shortLease.latest(topic)).entries).toMatchObject([{ key: 'alice' }])
      })

      test('set by a publish is renewed by an acknowledgement, and one for an unknown key has no effect', async () => {
        const topic = nanoid()
        await shortLease.publish(topic, [
          { key: 'alice', value: '1' },
          { key: 'mute', value: '1' },
        ])
        await broker.alive(topic, 'alice')
        await broker.alive(topic, 'stranger')
        await untilRemoved(topic, 'mute')
        expect((await shortLease.latest(topic)).entries).toMatchObject([{ key: 'alice' }])
      })

      test.concurrent('set by a publish is renewed by each publish', async () => {
        const longerLease = await open({ ...options, leaseMs: scaled(1_000) })
        const topic = nanoid()
        const alice = { key: 'alice', value: '1' }
        await longerLease.publish(topic, [alice, { key: 'mute', value: '1' }])
        let last = 0
        await waitFor('the key "mute" is removed', async () => {
          await longerLease.publish(topic, [alice])
          last = Date.now()
          return !(await has(longerLease, topic, 'mute'))
        })
        await waitFor('the key "alice" is removed', async () => !(await has(longerLease, topic, 'alice')))
        const { events } = await longerLease.history(topic, beginning)
        expect(events.filter(({ value }) => value === null)).toMatchObject([
          { key: 'mute', reason: 'expired' },
          { key: 'alice', reason: 'expired' },
        ])
        expect(Number(events.at(-1)?.id.split('-')[0]) - last).toBeGreaterThan(900)
      })

      test.concurrent('that requires acknowledgements is also renewed by each publish', async () => {
        const longerLease = await open({ ...options, leaseMs: scaled(500) })
        const topic = nanoid()
        const holds = ['alice', 'mute'].map(key => ({ key, state: 'acked' as const }))
        await longerLease.publish(topic, [{ key: 'mute', value: '1' }])
        await longerLease.keep(topic, 'a', holds, true)
        await waitFor('the key "mute" is removed', async () => {
          await longerLease.publish(topic, [{ key: 'alice', value: '1' }])
          return !(await has(longerLease, topic, 'mute'))
        })
        const { events } = await longerLease.history(topic, beginning)
        expect(events.filter(({ value }) => value === null)).toMatchObject([{ key: 'mute' }])
      })

      test.concurrent('set by a publish is also renewed by a stale publish', async () => {
        const longerLease = await open({ ...options, leaseMs: scaled(500) })
        const topic = nanoid()
        const alice = { key: 'alice', value: '1', seq: 7 }
        await longerLease.publish(topic, [alice, { key: 'mute', value: '1' }])
        await waitFor('the key "mute" is removed', async () => {
          await longerLease.publish(topic, [alice])
          return !(await has(longerLease, topic, 'mute'))
        })
        const { events } = await longerLease.history(topic, beginning)
        expect(events.map(({ key, reason }) => key + reason)).toEqual(['alice', 'mute', 'muteexpired'])
      })

      test('expires on time even if thousands of leases expire together', async () => {
        const shortLease = await open({ ...options, leaseMs: scaled(300) })
        const topic = nanoid()
        const workload = Array.from({ length: 3_000 }, (_, i) => ({ key: `user${i}`, value: '1' }))
        for (let i = 0; i < 3; i++) await shortLease.publish(topic, workload.slice(1_000 * i, 1_000 * (i + 1)))
        const [last] = await publishTo(shortLease, topic, [{ key: 'last', value: '1' }])
        const overAt = msOf(last?.id) + scaled(300)
        for (let now = 0; now <= overAt; ) {
          const [tick] = await publishTo(shortLease, nanoid(), [{ key: 'clock', value: '1' }])
          now = msOf(tick?.id)
        }
        expect((await shortLease.latest(topic)).entries).toEqual([])
      })

      test('that is the next to expire sets nextEndMs in the result of keep, which also contains the head', async () => {
        const topic = nanoid()
        expect(await broker.keep(topic, 'a', [], true)).toEqual({ head: beginning, nextEndMs: null })
        const [receipt] = await publishTo(broker, topic, [{ key: 'alice', value: '1' }])
        const kept = await broker.keep(topic, 'a', [], true)
        expect(kept.head).toBe(receipt?.id)
        expect(kept.nextEndMs).toBeGreaterThan(50_000)
        expect(kept.nextEndMs).toBeLessThanOrEqual(60_000)
      })

      /** Polls until the key is removed. Only the clock of the log decides when that is. */
      async function untilRemoved(topic: string, key: string): Promise<void> {
        while ((await shortLease.latest(topic)).entries.some(entry => entry.key === key)) {
          const { nextEndMs } = await shortLease.keep(topic, 'observer', [], true)
          await new Promise(resolve => setTimeout(resolve, Math.min(20, nextEndMs ?? 0)))
        }
      }

      async function removalReasons(topic: string): Promise<string[]> {
        const { events } = await broker.history(topic, beginning)
        return events.filter(({ value }) => value === null).map(({ reason }) => reason)
      }
    })

    describe('an idle topic', () => {
      test.concurrent('loses its history and no longer recovers from earlier ids', async () => {
        const idle = await open({ ...options, historyTtlMs: scaled(1_000), leaseMs: scaled(100) })
        const topic = nanoid()
        const [receipt] = await publishTo(idle, topic, [{ key: 'alice', value: '1' }])
        await untilNotInHistory(idle, topic, receipt?.id)
        expect((await idle.history(topic, receipt?.id ?? '')).recovered).toBe(false)
      })

      test.concurrent('keeps its history while an instance has readers, but not while an instance only waits for a lease to end', async () => {
        const idle = await open({ ...options, historyTtlMs: scaled(1_000) })
        const [read, left] = [nanoid(), nanoid()]
        const [seen] = await publishTo(idle, read, [{ key: 'alice', value: '1' }])
        const [lost] = await publishTo(idle, left, [{ key: 'alice', value: '1' }])
        await waitFor('the topic without readers loses its history', async () => {
          await idle.keep(read, 'a', [], true)
          await idle.keep(left, 'a', [{ key: 'alice', state: 'released' }], false)
          return !(await isInHistory(idle, left, lost?.id))
        })
        expect(await isInHistory(idle, read, seen?.id)).toBe(true)
      })

      test.concurrent('that still has a value starts a new log, which recovers neither from earlier ids nor from the beginning', async () => {
        const idle = await open({ ...options, historyTtlMs: scaled(1_000) })
        const topic = nanoid()
        await idle.publish(topic, [{ key: 'bob', value: '1' }])
        const [alice] = await publishTo(idle, topic, [{ key: 'alice', value: '1' }])
        await idle.remove(topic, 'bob', 'left')
        const before = (await idle.latest(topic)).head
        await untilNotInHistory(idle, topic, alice?.id)
        const { head, entries } = await idle.latest(topic)
        expect(byId(before, head)).toBeLessThan(0)
        expect(entries).toMatchObject([{ key: 'alice', id: alice?.id }])
        for (const id of [alice?.id ?? '', before, beginning]) {
          expect(await idle.history(topic, id)).toEqual({ recovered: false, events: [] })
        }
        expect(await idle.history(topic, head)).toEqual({ recovered: true, events: [] })
        const { received, subscriber } = recordingSubscriber()
        const unsubscribe = await idle.subscribe(topic, subscriber)
        await idle.publish(topic, [{ key: 'bob', value: '2' }])
        await received.until(({ key }) => key === 'bob')
        unsubscribe()
        expect(received.previousIds).toEqual([head])
        expect(await idle.history(topic, head)).toMatchObject({ recovered: true, events: [{ key: 'bob' }] })
        expect(await idle.history(topic, beginning)).toMatchObject({ recovered: false, events: [{ key: 'bob' }] })
      })

      test.concurrent('that starts a new log trims it to the maximum length', async () => {
        const idle = await open({ ...options, historyTtlMs: scaled(1_000), historyLength: 10 })
        const topic = nanoid()
        const [first] = await publishTo(idle, topic, [{ key: 'alice', value: '0' }])
        await untilNotInHistory(idle, topic, first?.id)
        const { head } = await idle.latest(topic)
        for (let i = 1; i < 10; i++) await idle.publish(topic, [{ key: 'alice', value: `${i}` }])
        expect(await idle.history(topic, head)).toMatchObject({ recovered: true, events: { length: 9 } })
        await idle.publish(topic, [{ key: 'alice', value: '10' }])
        expect(await idle.history(topic, head)).toMatchObject({ recovered: false, events: { length: 10 } })
      })

      test.concurrent('that starts a new log announces it to subscribers', async () => {
        const idle = await open({ ...options, historyTtlMs: scaled(1_000) })
        const topic = nanoid()
        const [alice] = await publishTo(idle, topic, [{ key: 'alice', value: '1' }])
        const { received, subscriber } = recordingSubscriber()
        const unsubscribe = await idle.subscribe(topic, subscriber)
        await untilNotInHistory(idle, topic, alice?.id)
        await waitFor('the new log is announced', () => received.previousIds.length > 0)
        unsubscribe()
        expect(received).toMatchObject({ previousIds: [(await idle.latest(topic)).head], events: [] })
      })
    })
  })
}

async function has(broker: Broker, topic: string, key: string): Promise<boolean> {
  return (await broker.latest(topic)).entries.some(entry => entry.key === key)
}

async function isInHistory(broker: Broker, topic: string, id = ''): Promise<boolean> {
  return (await broker.history(topic, id)).recovered
}

/** Resolves once the history no longer contains the entry. No event announces that. */
function untilNotInHistory(broker: Broker, topic: string, id: string | undefined): Promise<void> {
  return waitFor('the history no longer contains the entry', async () => !(await isInHistory(broker, topic, id)))
}

/** A subscriber, and a record of the announcements that it receives. */
function recordingSubscriber() {
  const changes = new EventEmitter()
  const received = {
    events: [] as Event[],
    previousIds: [] as string[],
    gaps: 0,
    async until(matches: (event: Event) => boolean) {
      while (!received.events.some(matches)) await once(changes, 'change')
    },
  }
  const subscriber = {
    announced(after: string, events: Event[]) {
      const last = received.events.at(-1)
      if (last && last.id !== after) received.gaps++
      received.previousIds.push(after)
      received.events.push(...events)
      changes.emit('change')
    },
    interrupted() {},
  }
  return { received, subscriber }
}

function msOf(id = ''): number {
  return Number(id.split('-')[0])
}

function byId(a: string, b: string): number {
  const [aMs = 0, aN = 0] = a.split('-').map(Number)
  const [bMs = 0, bN = 0] = b.split('-').map(Number)
  return aMs - bMs || aN - bN
}

function byKey(a: { key: string }, b: { key: string }): number {
  return a.key < b.key ? -1 : 1
}
