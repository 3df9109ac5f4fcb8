/**
 * The hub on a broker that can lose announcements. What readers get must not depend on them.
 */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createParser } from 'eventsource-parser'
import type { Broker, Subscriber } from '../../server/broker/broker.ts'
import { MemoryBroker } from '../../server/broker/memory/memory-broker.ts'
import { MemoryStore } from '../../server/broker/memory/memory-store.ts'
import { heartbeat } from '../../server/hub/frame.ts'
import { Hub } from '../../server/hub/hub.ts'
import type { Format } from '../../server/hub/topic-format.ts'
import { locationFormat } from '../../server/location/location-format.ts'

const brokerOptions = { historyLength: 10, historyTtlMs: 60_000, leaseMs: 60_000, graceMs: 60_000 }
const hubOptions = {
  ...brokerOptions,
  holder: 'here',
  heartbeatMs: 60_000,
  stallMs: 60_000,
  streamAgeMs: 3_600_000,
  onError(error: unknown) {
    throw error
  },
}

/** Loses announcements while `isLosing` is set. */
class LossyBroker extends MemoryBroker {
  isLosing = false
  histories = 0
  /** The number of events in all histories that were read. */
  read = 0
  readonly subscribers = new Set<Subscriber>()

  override async subscribe(topic: string, subscriber: Subscriber): Promise<() => void> {
    const lossy: Subscriber = {
      announced: (after, events) => void (this.isLosing || subscriber.announced(after, events)),
      interrupted: () => subscriber.interrupted(),
    }
    this.subscribers.add(lossy)
    return super.subscribe(topic, lossy)
  }

  override async history(topic: string, id: string) {
    this.histories++
    const history = await super.history(topic, id)
    this.read += history.events.length
    return history
  }
}

/** Pairs of connected sockets: the hub writes to one, the test reads the other. */
let listener: Server
/** Its sockets report that they are full only after 16 MiB. */
let roomy: Server
const accepted = new Map<number | undefined, Socket>()
beforeAll(async () => {
  listener = await listen()
  roomy = await listen(16 * 1024 * 1024)
})
afterAll(async () => {
  for (const socket of accepted.values()) socket.destroy()
  listener.close()
  roomy.close()
})
afterEach(() => hub.close())

async function listen(highWaterMark?: number): Promise<Server> {
  const options = highWaterMark === undefined ? {} : { highWaterMark }
  const server = createServer(options, socket => {
    accepted.set(
      socket.remotePort,
      socket.on('error', () => {}),
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

async function pair(listener: Server): Promise<[Socket, Socket]> {
  const client = connect((listener.address() as { port: number }).port, '127.0.0.1')
  await once(client, 'connect')
  for (;;) {
    const server = accepted.get(client.localPort)
    if (server) return [server, client]
    await once(listener, 'connection')
  }
}

let store: MemoryStore
let broker: LossyBroker
let hub: Hub
beforeEach(() => {
  store = new MemoryStore()
  broker = new LossyBroker(brokerOptions, store)
  hub = new Hub(broker, locationFormat, hubOptions)
})

interface Read {
  seen: string[]
  lastEventId: string
  until(text: string): Promise<void>
  close(): void
}

/** Reads a topic and records a short form of each event. */
async function read(lastEventId?: string, sockets = pair(listener)): Promise<Read> {
  const [sink, client] = await sockets
  const reader = {
    seen: [] as string[],
    lastEventId: '',
    async until(text: string) {
      while (!reader.seen.includes(text)) await once(client, 'seen')
    },
    close: () => void client.destroy(),
  }
  const parser = createParser({
    onEvent({ id, data }) {
      if (id) reader.lastEventId = id
      const event = JSON.parse(data)
      // The rest of a large snapshot.
      if (event.type === 'location' && event.x === undefined) return
      const short = { snapshot: event.reason, resumed: `+${event.missed}`, location: event.x, leave: `-${event.user}` }
      reader.seen.push(String(short[event.type as keyof typeof short]))
      client.emit('seen')
    },
  })
  client.on('data', data => parser.feed(data.toString()))
  await hub.join({ topic: 'room', open: () => sink, lastEventId, key: undefined, ack: false, onClose() {} })
  return reader
}

const publish = async (x: number, by: Broker = broker) => {
  const receipts = await by.publish('room', [{ key: 'alice', value: `{"user":"alice","x":${x},"y":0}` }])
  return receipts?.[0]?.id ?? ''
}

describe('a reader', () => {
  test('gets a snapshot and then each event', async () => {
    await publish(1)
    const reader = await read()
    await publish(2)
    await publish(3)
    await reader.until('3')
    expect(reader.seen).toEqual(['joined', '2', '3'])
  })

  test('of a large room shares the snapshot of a reader that joined just before, and gets the later events', async () => {
    let encodings = 0
    const snapshot: Format['snapshot'] = (...args) => {
      encodings++
      return locationFormat.snapshot(...args)
    }
    hub = new Hub(broker, { ...locationFormat, snapshot }, hubOptions)
    const workload = Array.from({ length: 3_000 }, (_, i) => ({
      key: `user${i}`,
      value: `{"user":"${'x'.repeat(400)}"}`,
    }))
    await broker.publish('room', workload)
    await (await read()).until('joined')
    await publish(1)
    const reader = await read()
    await reader.until('1')
    expect({ seen: reader.seen, encodings }).toEqual({ seen: ['joined', '1'], encodings: 1 })
    for (let x = 2; x <= 9; x++) await publish(x)
    const later = await read()
    await later.until('joined')
    expect({ seen: later.seen, encodings }).toEqual({ seen: ['joined'], encodings: 2 })
  })

  test('gets the events of lost announcements when the next announcement does not follow', async () => {
    const reader = await read()
    await publish(1)
    await reader.until('1')
    broker.isLosing = true
    await publish(2)
    await publish(3)
    broker.isLosing = false
    await publish(4)
    await reader.until('4')
    expect(reader.seen).toEqual(['joined', '1', '2', '3', '4'])
  })

  test('gets the events of lost announcements when the subscription was interrupted', async () => {
    const reader = await read()
    broker.isLosing = true
    await publish(1)
    for (const subscriber of broker.subscribers) subscriber.interrupted()
    await reader.until('1')
    expect(reader.seen).toEqual(['joined', '1'])
  })

  test('gets a snapshot with reason "reset" when the log was replaced', async () => {
    await publish(1)
    const reader = await read()
    store.topics.clear()
    await publish(2)
    await reader.until('reset')
    expect(reader.seen).toEqual(['joined', 'reset'])
  })

  test('gets a snapshot with reason "reset" when the history no longer contains the head of its instance', async () => {
    const reader = await read()
    broker.isLosing = true
    for (let x = 1; x <= 15; x++) await publish(x)
    broker.isLosing = false
    await publish(16)
    await reader.until('reset')
    expect(reader.seen).toEqual(['joined', 'reset'])
  })

  test('that returns gets what it missed, from an instance that knows the topic and from one that does not', async () => {
    const first = await publish(1)
    const warm = await read()
    await publish(2)
    await publish(3)
    await warm.until('3')
    for (let i = 0; i < 2; i++) {
      const back = await read(first)
      await back.until('3')
      expect(back.seen).toEqual(['+2', '2', '3'])
      hub = new Hub(broker, locationFormat, hubOptions)
    }
  })

  test('that returns with a newer event than its instance has gets the events after it, and no reset', async () => {
    const here = await read()
    broker.isLosing = true
    const ahead = await publish(1)
    broker.isLosing = false
    const back = await read(ahead)
    await publish(2)
    await back.until('2')
    await here.until('2')
    expect(back.seen).toEqual(['+0', '2'])
    expect(here.seen).toEqual(['joined', '1', '2'])
  })
})

test('a reader that returns with an invalid id does not affect readers that return with a valid one', async () => {
  const first = await publish(0)
  await publish(1)
  const sockets = await Promise.all([0, 1, 2].map(() => pair(listener)))
  // All of them join in this order before the history is read.
  const ids = ['abc', first, first]
  const [lost, ...others] = await Promise.all(sockets.map((both, i) => read(ids[i], Promise.resolve(both))))
  await lost?.until('reset')
  for (const reader of others) {
    await reader.until('1')
    expect(reader.seen).toEqual(['+1', '1'])
  }
})

test('a session that reaches its age while its socket takes nothing gets its last bytes, although a heartbeat was due', async () => {
  await hub.close()
  hub = new Hub(broker, locationFormat, { ...hubOptions, heartbeatMs: 100, streamAgeMs: 1_000 })
  const [sink, client] = await pair(roomy)
  let text = ''
  client.on('data', data => {
    text += data
  })
  client.pause()
  const ended = new Promise<string>(resolve => {
    void hub.join({
      topic: 'room',
      open: () => sink,
      lastEventId: undefined,
      key: undefined,
      ack: false,
      onClose: resolve,
    })
  })
  for (let x = 0; sink.writableLength === 0; x++) {
    await broker.publish('room', [
      { key: 'alice', value: `{"user":"alice","x":${x},"y":0,"meta":"${'x'.repeat(20_000)}"}` },
    ])
    await new Promise(setImmediate)
  }
  const clock = new Hub(broker, locationFormat, { ...hubOptions, heartbeatMs: 100 })
  const [clocks, heartbeats] = await pair(listener)
  const clocked = {
    topic: 'clock',
    open: () => clocks,
    lastEventId: undefined,
    key: undefined,
    ack: false,
    onClose() {},
  }
  await clock.join(clocked)
  while (!sink.writableEnded) await once(heartbeats, 'data')
  for (let i = 0; i < 3; i++) await once(heartbeats, 'data')
  await clock.close()
  client.resume()
  expect(await ended).toBe('age')
  await once(client, 'close')
  expect(text.slice(-20)).toMatch(/\nretry: \d{4}\n$/)
})

test('a hundred readers that return at once cause at most two readings of the history', async () => {
  const first = await publish(1)
  for (let x = 2; x <= 5; x++) await publish(x)
  const readers = await Promise.all(Array.from({ length: 99 }, () => read(first)))
  await Promise.all(readers.map(reader => reader.until('5')))
  for (const reader of readers) expect(reader.seen).toEqual(['+4', '2', '3', '4', '5'])
  expect(broker.histories).toBeLessThanOrEqual(2)
})

test('a new instance reads what the first reader missed, and the whole history when another reader missed more', async () => {
  const ids: string[] = []
  for (let x = 1; x <= 9; x++) ids.push(await publish(x))
  const missing = async (count: number) => {
    const back = await read(ids[8 - count])
    await back.until('9')
    expect(back.seen).toEqual([`+${count}`, ...Array.from({ length: count }, (_, i) => String(10 - count + i))])
  }
  await missing(2)
  await missing(1)
  expect([broker.histories, broker.read]).toEqual([1, 2])
  for (let count = 3; count <= 8; count++) await missing(count)
  expect([broker.histories, broker.read]).toEqual([2, 11])
})

test.each(['1-1', '9999999999999-0', 'nonsense'])(
  'a reader that returns with the unknown id %s does not affect other readers',
  async id => {
    const first = await publish(1)
    await publish(2)
    const [lost, back] = await Promise.all([read(id), read(first)])
    await back.until('2')
    expect(lost.seen).toEqual(['reset'])
    expect(back.seen).toEqual(['+1', '2'])
  },
)

test('a topic without readers is unsubscribed', async () => {
  const reader = await read()
  expect(store.subscribers.size).toBe(1)
  reader.close()
  while (store.subscribers.size > 0) await new Promise(setImmediate)
})

test('an announcement that arrives during a reading of the history is neither lost nor repeated', async () => {
  const reader = await read()
  for (let round = 0; round < 20; round++) {
    broker.isLosing = true
    await publish(round * 10 + 1)
    broker.isLosing = false
    // The first announcement does not follow. The others arrive during the reading that it causes.
    await Promise.all([2, 3, 4].map(x => publish(round * 10 + x)))
    await reader.until(String(round * 10 + 4))
  }
  const expected = Array.from({ length: 20 }, (_, round) => [1, 2, 3, 4].map(x => String(round * 10 + x))).flat()
  expect(reader.seen).toEqual(['joined', ...expected])
})

/** Sessions whose writes take 1 ms each. `order` records the topic of each write. */
async function slowReaders(topic: string, count: number, order: string[]): Promise<void> {
  for (let i = 0; i < count; i++) {
    const [sink] = await pair(listener)
    const slow = Object.create(sink, {
      write: {
        value: (bytes: Buffer | string) => {
          const until = performance.now() + 1
          while (performance.now() < until);
          if (bytes !== heartbeat) order.push(topic)
          return sink.write(bytes)
        },
      },
      on: { value: sink.on.bind(sink) },
    })
    await hub.join({ topic, open: () => slow, lastEventId: undefined, key: undefined, ack: false, onClose() {} })
  }
}

test('a topic with many readers does not delay another topic until all of them were written to', async () => {
  const order: string[] = []
  await slowReaders('small', 1, order)
  await slowReaders('large', 60, order)
  order.length = 0
  const draft = { key: 'alice', value: '{"user":"alice","x":1,"y":0}' }
  await broker.publish('large', [draft])
  await broker.publish('small', [draft])
  while (order.length < 61) await new Promise(setImmediate)
  expect(order.filter(topic => topic === 'large')).toHaveLength(60)
  expect(order.indexOf('small')).toBeLessThan(order.lastIndexOf('large'))
})

test('events that are published during a pass reach each reader once, even if they are more than the history keeps', async () => {
  const order: string[] = []
  const early = await read()
  await slowReaders('room', 60, order)
  const late = await read()
  order.length = 0
  await publish(1)
  while (order.length < 20) await new Promise(setImmediate)
  for (let x = 2; x <= 40; x++) await publish(x)
  await Promise.all([early.until('40'), late.until('40')])
  const expected = Array.from({ length: 40 }, (_, i) => String(i + 1))
  for (const { seen } of [early, late]) expect(seen).toEqual(['joined', ...expected])
})

test('readers that a pass has not reached get a snapshot with reason "behind" when too much arrives during it', async () => {
  const order: string[] = []
  const early = await read()
  await slowReaders('room', 60, order)
  order.length = 0
  await publish(1)
  while (order.length < 20) await new Promise(setImmediate)
  const name = 'a'.repeat(1_000)
  await broker.publish(
    'room',
    Array.from({ length: 20_000 }, (_, i) => ({ key: 'alice', value: `{"name":"${name}","x":${i + 2},"y":0}` })),
  )
  await early.until('behind')
  await publish(0)
  await early.until('0')
  expect(early.seen).toEqual(['joined', '1', 'behind', '0'])
})
