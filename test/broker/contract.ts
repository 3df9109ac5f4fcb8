/**
 * What every broker promises, whatever it keeps its log in. Each suite runs this over its own.
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

/** Publishes where there is room. */
export async function publishTo(broker: Broker, topic: string, drafts: Draft[]): Promise<Receipt[]> {
  const receipts = await broker.publish(topic, drafts)
  if (!receipts) throw new Error('The topic has no room.')
  return receipts
}

/** Makes a broker on the same log as any other that was made with the same `open`. */
export type Open = (options: BrokerOptions) => Promise<Broker>

/** `roundTripMs`: how far away the log is. The times that the tests wait for are longer then. */
export function brokerContract(name: string, open: Open, roundTripMs = 0): void {
  const paced = (ms: number) => ms + 5 * roundTripMs
  describe(`the ${name} broker`, () => {
    let broker: Broker
    /** Short leases, and as short a grace. */
    let hasty: Broker
    beforeAll(async () => {
      broker = await open(options)
      hasty = await open({ ...options, leaseMs: paced(100), graceMs: paced(100) })
    })

    const publish = async (topic: string, key: string, value: string, seq?: number) => {
      const [receipt] = await publishTo(broker, topic, [{ key, value, seq }])
      if (!receipt) throw new Error('no receipt')
      return receipt
    }

    describe('its log', () => {
      test('of a topic that nobody published to is empty, and its head is the beginning', async () => {
        const topic = nanoid()
        expect(await broker.latest(topic)).toEqual({ head: beginning, entries: [] })
        expect(await broker.history(topic, beginning)).toEqual({ recovered: true, events: [] })
      })

      test('gives what was published, in order, after any id that is in it', async () => {
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

      test('has ids that only grow, in one step and over many', async () => {
        const topic = nanoid()
        const drafts = ['a', 'b', 'c'].map(key => ({ key, value: '0' }))
        for (let i = 0; i < 3; i++) await broker.publish(topic, drafts)
        const { events } = await broker.history(topic, beginning)
        const ids = events.map(({ id }) => id)
        expect(ids).toHaveLength(9)
        expect([...ids].sort(byId)).toEqual(ids)
      })

      test('does not know an id that only looks as if it had been there', async () => {
        const topic = nanoid()
        const { id } = await publish(topic, 'alice', '1')
        const [ms, n] = id.split('-').map(Number)
        const numbers = [`${ms}-${Number(n) + 1}`, `${Number(ms) - 1}-0`, `${Number(ms) + 1}-0`, `${ms}`]
        for (const other of [...numbers, 'nonsense', '+', '-', `(${id}`, `${id}0000000000000000000`, `${id} `]) {
          expect(await broker.history(topic, other)).toMatchObject({ recovered: false, events: [{ id }] })
        }
      })

      test('keeps its length, and then has no beginning any more', async () => {
        const topic = nanoid()
        const ids: string[] = []
        for (let i = 0; i < 12; i++) ids.push((await publish(topic, 'alice', String(i))).id)
        const fromStart = await broker.history(topic, beginning)
        expect(fromStart.recovered).toBe(false)
        expect(fromStart.events.map(({ id }) => id)).toEqual(ids.slice(2))
        expect((await broker.history(topic, ids[1] ?? '')).recovered).toBe(false)
        expect((await broker.history(topic, ids[2] ?? '')).recovered).toBe(true)
      })

      test('carries any text that is one line', async () => {
        const topic = nanoid()
        const value = '{"a":"tab\\tand \\n, ü, \u2028, 😀, \'=:,-\'"}'
        await publish(topic, 'Zoë=h:1,😀', value)
        expect((await broker.latest(topic)).entries).toMatchObject([{ key: 'Zoë=h:1,😀', value }])
        expect((await broker.history(topic, beginning)).events).toMatchObject([
          { key: 'Zoë=h:1,😀', value, reason: '' },
        ])
      })
    })

    describe('its values', () => {
      test('are the latest of each key, each with the id of its event', async () => {
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

      test('are gone when removed, once, and the log says why', async () => {
        const topic = nanoid()
        await publish(topic, 'alice', '1')
        await broker.remove(topic, 'alice', 'left')
        await broker.remove(topic, 'alice', 'left')
        await broker.remove(topic, 'nobody', 'left')
        expect((await broker.latest(topic)).entries).toEqual([])
        const { events } = await broker.history(topic, beginning)
        expect(events).toMatchObject([{ value: '1' }, { key: 'alice', value: null, reason: 'left' }])
      })

      test('stay as they are when a draft is stale, and the receipt names the one that stands', async () => {
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

      test('compare large numbers exactly', async () => {
        const topic = nanoid()
        await publish(topic, 'alice', '1', Number.MAX_SAFE_INTEGER - 1)
        expect(await publish(topic, 'alice', '2', Number.MAX_SAFE_INTEGER)).toMatchObject({ stale: false })
        expect(await publish(topic, 'alice', '3', Number.MAX_SAFE_INTEGER)).toMatchObject({ stale: true })
      })

      test('of one step are taken one after another', async () => {
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

    describe('a key that goes on', () => {
      const begin = (topic: string) => broker.publish(topic, [{ key: 'run', value: 'begun', seq: 0 }])
      const valuesOf = async (topic: string) =>
        (await broker.history(topic, beginning)).events.map(({ value, reason }) => value ?? reason)

      test('has its values appended in order, and its last one kept', async () => {
        const topic = nanoid()
        await begin(topic)
        expect(await broker.append(topic, 'run', 1, ['a', 'b'])).toBe(true)
        expect(await broker.append(topic, 'run', 3, ['c'])).toBe(true)
        expect(await valuesOf(topic)).toEqual(['begun', 'a', 'b', 'c'])
        const { head, entries } = await broker.latest(topic)
        expect(entries).toEqual([{ id: head, key: 'run', value: 'c' }])
      })

      test('takes what it was told twice once, whole or in part', async () => {
        const topic = nanoid()
        await begin(topic)
        await broker.append(topic, 'run', 1, ['a', 'b'])
        expect(await broker.append(topic, 'run', 1, ['a', 'b'])).toBe(true)
        expect(await broker.append(topic, 'run', 2, ['b', 'c'])).toBe(true)
        expect(await valuesOf(topic)).toEqual(['begun', 'a', 'b', 'c'])
      })

      test('is never begun by it, nor taken up again after it was removed', async () => {
        const topic = nanoid()
        expect(await broker.append(topic, 'run', 1, ['a'])).toBe(false)
        await begin(topic)
        await broker.remove(topic, 'run', 'over')
        expect(await broker.append(topic, 'run', 1, ['a'])).toBe(false)
        expect(await valuesOf(topic)).toEqual(['begun', 'over'])
      })

      test('is gone once its holder was not heard of for a lease: then nothing follows its end', async () => {
        const topic = nanoid()
        await begin(topic)
        await hasty.keep(topic, 'a', [{ key: 'run', state: 'held' }], true)
        while (await hasty.append(topic, 'run', 1, ['a'])) await new Promise(setImmediate)
        expect(await valuesOf(topic)).toEqual(['begun', 'a', 'expired'])
      })

      test('is heard of by a subscriber, what was appended together in one announcement', async () => {
        const topic = nanoid()
        const { heard, subscriber } = listener()
        const unsubscribe = await broker.subscribe(topic, subscriber)
        await begin(topic)
        await broker.append(topic, 'run', 1, ['a', 'b'])
        await heard.until(({ value }) => value === 'b')
        unsubscribe()
        expect(heard.joins).toHaveLength(2)
        expect(heard.gaps).toBe(0)
      })

      test('keeps all of its log where the history has no limit', async () => {
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
      test('hears of every event once, in order, each announcement joining on to the one before', async () => {
        const topic = nanoid()
        const { heard, subscriber } = listener()
        const before = await publish(topic, 'alice', '0')
        const unsubscribe = await broker.subscribe(topic, subscriber)
        await Promise.all(Array.from({ length: 50 }, (_, i) => publish(topic, `user${i % 7}`, String(i))))
        await broker.publish(topic, [
          { key: 'x', value: 'last' },
          { key: 'y', value: 'end' },
        ])
        await heard.until(({ value }) => value === 'end')
        unsubscribe()
        expect(heard.events).toHaveLength(52)
        expect(heard.joins[0]).toBe(before.id)
        expect(heard.gaps).toBe(0)
        const ids = heard.events.map(({ id }) => id)
        expect([...ids].sort(byId)).toEqual(ids)
      })

      test('that publishes does not change the order for the subscribers after it', async () => {
        const topic = nanoid()
        const [first, second] = [listener(), listener()]
        const announced = (after: string, events: Event[]) => {
          first.subscriber.announced(after, events)
          if (events.some(({ value }) => value === '1')) void broker.publish(topic, [{ key: 'reply', value: '2' }])
        }
        const stops = [
          await broker.subscribe(topic, { ...first.subscriber, announced }),
          await broker.subscribe(topic, second.subscriber),
        ]
        await publish(topic, 'alice', '1')
        for (const { heard } of [first, second]) {
          await heard.until(({ value }) => value === '2')
          expect(heard.events.map(({ value }) => value)).toEqual(['1', '2'])
          expect(heard.gaps).toBe(0)
        }
        for (const stop of stops) stop()
      })

      test('hears nothing of another topic, nor after it stopped', async () => {
        const [topic, other] = [nanoid(), nanoid()]
        const [mine, control] = [listener(), listener()]
        const unsubscribe = await broker.subscribe(topic, mine.subscriber)
        const stop = await broker.subscribe(topic, control.subscriber)
        await publish(other, 'alice', '0')
        await publish(topic, 'alice', '1')
        await mine.heard.until(({ value }) => value === '1')
        unsubscribe()
        await publish(topic, 'alice', '2')
        await control.heard.until(({ value }) => value === '2')
        stop()
        expect(mine.heard.events.map(({ value }) => value)).toEqual(['1'])
      })

      test('that comes back at once hears what comes then', async () => {
        const topic = nanoid()
        for (let i = 0; i < 20; i++) {
          const { heard, subscriber } = listener()
          const unsubscribe = await broker.subscribe(topic, subscriber)
          await publish(topic, 'alice', String(i))
          await heard.until(({ value }) => value === String(i))
          unsubscribe()
        }
      })
    })

    describe('a topic with a limit of keys', () => {
      const draftsOf = (...keys: string[]) => keys.map(key => ({ key, value: '1' }))
      let small: Broker
      beforeAll(async () => {
        small = await open({ ...options, maxKeys: 3 })
      })
      const keysOf = async (topic: string) => (await small.latest(topic)).entries.map(({ key }) => key).sort()

      test('refuses the key that is one too many, and publishes for the keys that it has', async () => {
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

      test('refuses one of several calls at the same time, and not the others', async () => {
        const topic = nanoid()
        const calls = [['a', 'b'], ['c', 'd'], ['a'], ['c'], ['e']].map(keys => small.publish(topic, draftsOf(...keys)))
        const receipts = await Promise.all(calls)
        expect(receipts.map(all => all?.length ?? null)).toEqual([2, null, 1, 1, null])
        expect(await keysOf(topic)).toEqual(['a', 'b', 'c'])
        const { events } = await small.history(topic, beginning)
        expect(events.map(({ key }) => key)).toEqual(['a', 'b', 'a', 'c'])
        expect(events.map(({ id }) => id)).toEqual(receipts.flatMap(all => all?.map(({ id }) => id) ?? []))
      })

      test('has room again once a lease has ended', async () => {
        const brief = await open({ ...options, leaseMs: paced(100), maxKeys: 1 })
        const topic = nanoid()
        await brief.publish(topic, draftsOf('a'))
        await waitFor('there is room', async () => (await brief.publish(topic, draftsOf('b'))) !== null)
      })
    })

    describe('a lease', () => {
      test('that came with a publish runs out, and the end is announced once by whoever looks', async () => {
        const topic = nanoid()
        await hasty.publish(topic, [{ key: 'service', value: '1' }])
        await gone(topic, 'service')
        await Promise.all([hasty.latest(topic), hasty.latest(topic), hasty.keep(topic, 'a', [], true)])
        expect(await reasons(topic)).toEqual(['expired'])
      })

      test('is kept by its holder alone, however long ago the publish was', async () => {
        const topic = nanoid()
        await broker.keep(topic, 'a', [{ key: 'alice', state: 'held' }], true)
        await hasty.publish(topic, [
          { key: 'alice', value: '1' },
          { key: 'service', value: '1' },
        ])
        await gone(topic, 'service')
        expect((await hasty.latest(topic)).entries).toMatchObject([{ key: 'alice' }])
      })

      test('of the last holder that lets go ends after the grace, as closed, whatever was posted in between', async () => {
        const topic = nanoid()
        await broker.keep(topic, 'a', [{ key: 'alice', state: 'held' }], true)
        await broker.publish(topic, [{ key: 'alice', value: '1' }])
        await hasty.keep(topic, 'a', [{ key: 'alice', state: 'released' }], true)
        await broker.publish(topic, [{ key: 'alice', value: '2' }])
        await gone(topic, 'alice')
        expect(await reasons(topic)).toEqual(['closed'])
      })

      test('goes on when its holder comes back within the grace, or another is there', async () => {
        const topic = nanoid()
        const held = [{ key: 'alice', state: 'held' }] as const
        const released = [{ key: 'alice', state: 'released' }] as const
        await broker.publish(topic, [{ key: 'alice', value: '1' }])
        await broker.keep(topic, 'a', [...held], true)
        await hasty.keep(topic, 'a', [...released], true)
        await broker.keep(topic, 'a', [...held], true)
        await broker.keep(topic, 'b', [...held], true)
        await hasty.keep(topic, 'a', [...released], true)
        await hasty.publish(topic, [{ key: 'service', value: '1' }])
        await gone(topic, 'service')
        expect((await hasty.latest(topic)).entries).toMatchObject([{ key: 'alice' }])
      })

      test('of a holder that was killed ends by itself, whatever grace another was given before', async () => {
        const topic = nanoid()
        await broker.keep(topic, 'a', [{ key: 'alice', state: 'released' }], true)
        await hasty.keep(topic, 'killed', [{ key: 'alice', state: 'held' }], true)
        await broker.publish(topic, [{ key: 'alice', value: '1' }])
        await gone(topic, 'alice')
        expect(await reasons(topic)).toEqual(['expired'])
      })

      test('of a holder that was killed ends by itself, as expired', async () => {
        const topic = nanoid()
        await hasty.keep(topic, 'killed', [{ key: 'alice', state: 'held' }], true)
        await broker.publish(topic, [{ key: 'alice', value: '1' }])
        await gone(topic, 'alice')
        expect(await reasons(topic)).toEqual(['expired'])
      })

      test('that waits for a sign of life lives by it', async () => {
        const topic = nanoid()
        await hasty.keep(
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
        await gone(topic, 'mute')
        expect((await hasty.latest(topic)).entries).toMatchObject([{ key: 'alice' }])
      })

      test('of whoever only posts is kept by a sign of life, too; one of a stranger is nothing', async () => {
        const topic = nanoid()
        await hasty.publish(topic, [
          { key: 'alice', value: '1' },
          { key: 'mute', value: '1' },
        ])
        await broker.alive(topic, 'alice')
        await broker.alive(topic, 'stranger')
        await gone(topic, 'mute')
        expect((await hasty.latest(topic)).entries).toMatchObject([{ key: 'alice' }])
      })

      test.concurrent('of whoever only posts begins anew with each post', async () => {
        const patient = await open({ ...options, leaseMs: paced(1_000) })
        const topic = nanoid()
        const alice = { key: 'alice', value: '1' }
        await patient.publish(topic, [alice, { key: 'mute', value: '1' }])
        let last = 0
        await waitFor('mute is gone', async () => {
          await patient.publish(topic, [alice])
          last = Date.now()
          return !(await has(patient, topic, 'mute'))
        })
        await waitFor('alice is gone', async () => !(await has(patient, topic, 'alice')))
        const { events } = await patient.history(topic, beginning)
        expect(events.filter(({ value }) => value === null)).toMatchObject([
          { key: 'mute', reason: 'expired' },
          { key: 'alice', reason: 'expired' },
        ])
        expect(Number(events.at(-1)?.id.split('-')[0]) - last).toBeGreaterThan(900)
      })

      test.concurrent('that waits for a sign of life lives by posting, too', async () => {
        const patient = await open({ ...options, leaseMs: paced(500) })
        const topic = nanoid()
        const holds = ['alice', 'mute'].map(key => ({ key, state: 'acked' as const }))
        await patient.publish(topic, [{ key: 'mute', value: '1' }])
        await patient.keep(topic, 'a', holds, true)
        await waitFor('mute is gone', async () => {
          await patient.publish(topic, [{ key: 'alice', value: '1' }])
          return !(await has(patient, topic, 'mute'))
        })
        const { events } = await patient.history(topic, beginning)
        expect(events.filter(({ value }) => value === null)).toMatchObject([{ key: 'mute' }])
      })

      test.concurrent('of whoever only posts goes on with a post that is stale', async () => {
        const patient = await open({ ...options, leaseMs: paced(500) })
        const topic = nanoid()
        const alice = { key: 'alice', value: '1', seq: 7 }
        await patient.publish(topic, [alice, { key: 'mute', value: '1' }])
        await waitFor('mute is gone', async () => {
          await patient.publish(topic, [alice])
          return !(await has(patient, topic, 'mute'))
        })
        const { events } = await patient.history(topic, beginning)
        expect(events.map(({ key, reason }) => key + reason)).toEqual(['alice', 'mute', 'muteexpired'])
      })

      test('that runs out with thousands of others is over with them', async () => {
        const hasty = await open({ ...options, leaseMs: paced(300) })
        const topic = nanoid()
        const workload = Array.from({ length: 3_000 }, (_, i) => ({ key: `user${i}`, value: '1' }))
        for (let i = 0; i < 3; i++) await hasty.publish(topic, workload.slice(1_000 * i, 1_000 * (i + 1)))
        const [last] = await publishTo(hasty, topic, [{ key: 'last', value: '1' }])
        const overAt = msOf(last?.id) + paced(300)
        for (let now = 0; now <= overAt; ) {
          const [tick] = await publishTo(hasty, nanoid(), [{ key: 'clock', value: '1' }])
          now = msOf(tick?.id)
        }
        expect((await hasty.latest(topic)).entries).toEqual([])
      })

      test('that runs out next is told to whoever keeps the topic, with the head', async () => {
        const topic = nanoid()
        expect(await broker.keep(topic, 'a', [], true)).toEqual({ head: beginning, nextEndMs: null })
        const [receipt] = await publishTo(broker, topic, [{ key: 'alice', value: '1' }])
        const kept = await broker.keep(topic, 'a', [], true)
        expect(kept.head).toBe(receipt?.id)
        expect(kept.nextEndMs).toBeGreaterThan(50_000)
        expect(kept.nextEndMs).toBeLessThanOrEqual(60_000)
      })

      /** Looks until a key is gone: its end is a matter of the log's clock alone. */
      async function gone(topic: string, key: string): Promise<void> {
        while ((await hasty.latest(topic)).entries.some(entry => entry.key === key)) {
          const { nextEndMs } = await hasty.keep(topic, 'onlooker', [], true)
          await new Promise(resolve => setTimeout(resolve, Math.min(20, nextEndMs ?? 0)))
        }
      }

      async function reasons(topic: string): Promise<string[]> {
        const { events } = await broker.history(topic, beginning)
        return events.filter(({ value }) => value === null).map(({ reason }) => reason)
      }
    })

    describe('an idle topic', () => {
      test.concurrent('loses its history, and ids of before are unknown then', async () => {
        const idle = await open({ ...options, historyTtlMs: paced(1_000), leaseMs: paced(100) })
        const topic = nanoid()
        const [receipt] = await publishTo(idle, topic, [{ key: 'alice', value: '1' }])
        await forgotten(idle, topic, receipt?.id)
        expect((await idle.history(topic, receipt?.id ?? '')).recovered).toBe(false)
      })

      test.concurrent('is kept by those who read it, and not by one who left and waits for the end of a lease', async () => {
        const idle = await open({ ...options, historyTtlMs: paced(1_000) })
        const [read, left] = [nanoid(), nanoid()]
        const [seen] = await publishTo(idle, read, [{ key: 'alice', value: '1' }])
        const [lost] = await publishTo(idle, left, [{ key: 'alice', value: '1' }])
        await waitFor('the topic that was left is forgotten', async () => {
          await idle.keep(read, 'a', [], true)
          await idle.keep(left, 'a', [{ key: 'alice', state: 'released' }], false)
          return !(await knows(idle, left, lost?.id))
        })
        expect(await knows(idle, read, seen?.id)).toBe(true)
      })

      test.concurrent('that still has someone in it begins anew: nobody can go on from before, nor from its beginning', async () => {
        const idle = await open({ ...options, historyTtlMs: paced(1_000) })
        const topic = nanoid()
        await idle.publish(topic, [{ key: 'bob', value: '1' }])
        const [alice] = await publishTo(idle, topic, [{ key: 'alice', value: '1' }])
        await idle.remove(topic, 'bob', 'left')
        const before = (await idle.latest(topic)).head
        await forgotten(idle, topic, alice?.id)
        const { head, entries } = await idle.latest(topic)
        expect(byId(before, head)).toBeLessThan(0)
        expect(entries).toMatchObject([{ key: 'alice', id: alice?.id }])
        for (const id of [alice?.id ?? '', before, beginning]) {
          expect(await idle.history(topic, id)).toEqual({ recovered: false, events: [] })
        }
        expect(await idle.history(topic, head)).toEqual({ recovered: true, events: [] })
        const { heard, subscriber } = listener()
        const unsubscribe = await idle.subscribe(topic, subscriber)
        await idle.publish(topic, [{ key: 'bob', value: '2' }])
        await heard.until(({ key }) => key === 'bob')
        unsubscribe()
        expect(heard.joins).toEqual([head])
        expect(await idle.history(topic, head)).toMatchObject({ recovered: true, events: [{ key: 'bob' }] })
        expect(await idle.history(topic, beginning)).toMatchObject({ recovered: false, events: [{ key: 'bob' }] })
      })

      test.concurrent('that begins anew keeps its length, as any', async () => {
        const idle = await open({ ...options, historyTtlMs: paced(1_000), historyLength: 10 })
        const topic = nanoid()
        const [first] = await publishTo(idle, topic, [{ key: 'alice', value: '0' }])
        await forgotten(idle, topic, first?.id)
        const { head } = await idle.latest(topic)
        for (let i = 1; i < 10; i++) await idle.publish(topic, [{ key: 'alice', value: `${i}` }])
        expect(await idle.history(topic, head)).toMatchObject({ recovered: true, events: { length: 9 } })
        await idle.publish(topic, [{ key: 'alice', value: '10' }])
        expect(await idle.history(topic, head)).toMatchObject({ recovered: false, events: { length: 10 } })
      })

      test.concurrent('that begins anew while someone follows it is announced', async () => {
        const idle = await open({ ...options, historyTtlMs: paced(1_000) })
        const topic = nanoid()
        const [alice] = await publishTo(idle, topic, [{ key: 'alice', value: '1' }])
        const { heard, subscriber } = listener()
        const unsubscribe = await idle.subscribe(topic, subscriber)
        await forgotten(idle, topic, alice?.id)
        await waitFor('it is announced', () => heard.joins.length > 0)
        unsubscribe()
        expect(heard).toMatchObject({ joins: [(await idle.latest(topic)).head], events: [] })
      })
    })
  })
}

async function has(broker: Broker, topic: string, key: string): Promise<boolean> {
  return (await broker.latest(topic)).entries.some(entry => entry.key === key)
}

async function knows(broker: Broker, topic: string, id = ''): Promise<boolean> {
  return (await broker.history(topic, id)).recovered
}

/** Resolves once the history no longer contains the entry. No event announces that. */
function forgotten(broker: Broker, topic: string, id: string | undefined): Promise<void> {
  return waitFor('the entry is forgotten', async () => !(await knows(broker, topic, id)))
}

/** Writes down what it hears. */
function listener() {
  const changes = new EventEmitter()
  const heard = {
    events: [] as Event[],
    joins: [] as string[],
    gaps: 0,
    async until(isIt: (event: Event) => boolean) {
      while (!heard.events.some(isIt)) await once(changes, 'change')
    },
  }
  const subscriber = {
    announced(after: string, events: Event[]) {
      const last = heard.events.at(-1)
      if (last && last.id !== after) heard.gaps++
      heard.joins.push(after)
      heard.events.push(...events)
      changes.emit('change')
    },
    interrupted() {},
  }
  return { heard, subscriber }
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
