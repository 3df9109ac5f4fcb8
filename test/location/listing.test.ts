/** The list of a room: it is current, and frequent requests for it are cheap. */
import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import type { Broker } from '../../server/broker/broker.ts'
import { MemoryBroker } from '../../server/broker/memory/memory-broker.ts'
import { Hub } from '../../server/hub/hub.ts'
import { locationFormat } from '../../server/location/location-format.ts'
import { RoomLists } from '../../server/location/room-lists.ts'
import { Room, stores, useServer } from '../support/rooms.ts'

describe.each(stores)('with the %s store, the list of a room', store => {
  const server = useServer(store)

  test.each([false, true])(
    'contains a location once its POST is answered (with an open stream: %s)',
    async isFollowed => {
      const room = new Room(server)
      const stream = isFollowed ? await room.follow() : undefined
      await stream?.next('snapshot')
      for (let x = 0; x < 50; x++) {
        const id = await room.put('alice', x, 0)
        const { body } = await room.get()
        expect(body).toMatchObject({ lastEventId: id, locations: [{ user: 'alice', x }] })
      }
      await room.leave('alice')
      expect((await room.get()).body.locations).toEqual([])
      stream?.close()
    },
  )
})

describe('lists of a room', () => {
  const options = { historyLength: 1_000, historyTtlMs: 60_000, leaseMs: 60_000, graceMs: 60_000 }
  const hubOf = (broker: Broker) =>
    new Hub(broker, locationFormat, {
      ...options,
      holder: 'here',
      heartbeatMs: 60_000,
      stallMs: 60_000,
      streamAgeMs: 60_000,
      onError(error) {
        throw error
      },
    })

  class CountingBroker extends MemoryBroker {
    reads = 0
    override latest(topic: string) {
      this.reads++
      return super.latest(topic)
    }
  }

  const draftsOf = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ key: `${i}`, value: `{"user":"${i}"}` }))

  test('that are requested at the same time share one read of the broker', async () => {
    const broker = new CountingBroker(options)
    const lists = new RoomLists(broker, hubOf(broker), () => false)
    await broker.publish('room', draftsOf(10))
    await Promise.all(Array.from({ length: 100 }, () => lists.get('room')))
    expect(broker.reads).toBe(1)
  })

  test('that are huge are sent at a limited rate, so that other requests are answered between them', async () => {
    const broker = new MemoryBroker(options)
    const lists = new RoomLists(broker, hubOf(broker), () => false)
    for (let i = 0; i < 10; i++) await broker.publish('room', draftsOf(10_000).slice(i * 1_000, (i + 1) * 1_000))
    const { length } = await lists.get('room')
    const start = performance.now()
    await Promise.all(Array.from({ length: 20 }, () => lists.get('room')))
    // 100 MB a second. The first of them need not wait, and a timer may be a little early.
    expect(performance.now() - start).toBeGreaterThan((18 * length) / 100_000)
  })

  test('with 20,000 collaborators are read from the broker rarely, and still contain each change', async () => {
    const broker = new CountingBroker(options)
    const lists = new RoomLists(broker, hubOf(broker), () => false)
    for (let i = 0; i < 20; i++) await broker.publish('room', draftsOf(20_000).slice(i * 1_000, (i + 1) * 1_000))
    const start = performance.now()
    let isOver = false
    const loops = Array.from({ length: 16 }, async () => {
      while (!isOver) {
        await lists.get('room')
        await setImmediate()
      }
    })
    for (let x = 0; x < 5; x++) {
      const [receipt] = (await broker.publish('room', [{ key: '7', value: `{"user":"7","x":${x}}` }])) ?? []
      lists.changed('room', receipt?.id ?? '')
      expect(JSON.parse((await lists.get('room')).toString()).lastEventId).toBe(receipt?.id)
    }
    isOver = true
    await Promise.all(loops)
    const { length } = await lists.get('room')
    expect(length).toBeGreaterThan(500_000)
    // A read of this room takes milliseconds, and the next read waits for twenty times as long.
    expect(broker.reads).toBeLessThan(10 + (performance.now() - start) / 20)
  })
})
