/** What a session writes without any event: heartbeats, pings and the end at its age. */
import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { MemoryBroker } from '../../server/broker/memory/memory-broker.ts'
import { Hub, type Join } from '../../server/hub/hub.ts'
import { locationFormat } from '../../server/location/location-format.ts'

const options = {
  holder: 'here',
  historyLength: 10,
  historyTtlMs: 3_600_000,
  leaseMs: 3_600_000,
  graceMs: 60_000,
  heartbeatMs: 1_000,
  stallMs: 60_000,
  streamAgeMs: 1_000_000,
  onError(error: unknown) {
    throw error
  },
}
const heartbeat = ':\n'
const ping = 'data: {"type":"ping"}\n\n'

let broker: MemoryBroker
let hub: Hub
beforeEach(() => {
  jest.useFakeTimers()
  broker = new MemoryBroker(options)
  hub = new Hub(broker, locationFormat, options)
})
afterEach(async () => {
  jest.restoreAllMocks()
  jest.useRealTimers()
  await hub.close()
})

/** A connection that keeps what is written to it. */
class FakeSink extends EventEmitter {
  written: string[] = []
  isFull = false
  cork() {}
  uncork() {}
  setTimeout() {
    return this as never
  }
  write(bytes: Buffer | string) {
    this.written.push(bytes.toString())
    return !this.isFull
  }
  destroySoon() {
    this.emit('close')
  }
  destroy() {
    this.emit('close')
    return this as never
  }
}

async function join(options: Partial<Join> = {}): Promise<FakeSink> {
  const sink = new FakeSink()
  const rest = { topic: 'room', lastEventId: undefined, key: undefined, ack: false, onClose() {} }
  await hub.join({ ...rest, ...options, open: () => sink as never })
  return sink
}

/** Joins a room and forgets what the session wrote in its first 100 ms. */
async function joined(options: Partial<Join> = {}): Promise<FakeSink> {
  const sink = await join(options)
  jest.advanceTimersByTime(100)
  sink.written = []
  return sink
}

test.each([false, true])('a session with acks: %s gets one heartbeat 100 ms after its first write', async ack => {
  const sink = await join({ ack })
  const { length } = sink.written
  jest.advanceTimersByTime(99)
  expect(sink.written).toHaveLength(length)
  jest.advanceTimersByTime(801)
  expect(sink.written.slice(length)).toEqual([heartbeat])
})

async function publish(): Promise<void> {
  await broker.publish('room', [{ key: 'alice', value: '{"user":"alice","x":1,"y":2}' }])
}

test('a session that was written nothing for the heartbeat time gets a heartbeat, to within a tick', async () => {
  const sink = await joined()
  jest.advanceTimersByTime(999)
  expect(sink.written).toEqual([])
  jest.advanceTimersByTime(101)
  expect(sink.written).toEqual([heartbeat])
  jest.advanceTimersByTime(10_000)
  expect(sink.written.length).toBeGreaterThanOrEqual(10)
  expect(sink.written.length).toBeLessThanOrEqual(11)
})

test('a session that was just written an event gets no heartbeat', async () => {
  const sink = await joined()
  jest.advanceTimersByTime(800)
  await publish()
  jest.advanceTimersByTime(900)
  expect(sink.written).toEqual([expect.stringContaining('"x":1')])
})

test('a session with acks gets a ping at every heartbeat, whatever else it is written', async () => {
  const sink = await joined({ ack: true })
  jest.advanceTimersByTime(800)
  await publish()
  jest.advanceTimersByTime(300)
  expect(sink.written).toEqual([expect.stringContaining('"x":1'), ping])
})

test('a full socket gets no heartbeat until it has drained', async () => {
  const sink = await joined()
  sink.isFull = true
  await publish()
  jest.advanceTimersByTime(5_000)
  expect(sink.written).toEqual([expect.stringContaining('"x":1')])
  sink.isFull = false
  sink.emit('drain')
  jest.advanceTimersByTime(100)
  expect(sink.written.slice(1)).toEqual([heartbeat])
})

test('a session ends between 80 and 100 % of its age, with a fresh retry', async () => {
  const endings: string[] = []
  const sink = await joined({ onClose: ending => endings.push(ending) })
  jest.advanceTimersByTime(799_900)
  expect(endings).toEqual([])
  jest.advanceTimersByTime(200_100)
  expect(endings).toEqual(['age'])
  expect(sink.written.at(-1)).toMatch(/^retry: \d{4}\n$/)
})

test('a session ends at the time that its join names, if that is earlier', async () => {
  const endings: string[] = []
  await joined({ untilMs: Date.now() + 5_000, onClose: ending => endings.push(ending) })
  jest.advanceTimersByTime(4_800)
  expect(endings).toEqual([])
  jest.advanceTimersByTime(200)
  expect(endings).toEqual(['age'])
})

test('a session that has closed is written nothing more, also if it closes during a tick', async () => {
  const first = await joined()
  const second = await joined()
  const gone = await joined()
  gone.destroy()
  // The first session's heartbeat makes the second one close.
  first.write = bytes => {
    second.destroy()
    return FakeSink.prototype.write.call(first, bytes)
  }
  jest.advanceTimersByTime(1_100)
  expect([first.written, second.written, gone.written]).toEqual([[heartbeat], [], []])
})

test('all sessions of a hub share one interval, which ends with the last of them', async () => {
  const intervals = jest.spyOn(globalThis, 'setInterval')
  const cleared = jest.spyOn(globalThis, 'clearInterval')
  const sinks = [await joined(), await joined({ topic: 'other' })]
  expect(intervals).toHaveBeenCalledTimes(1)
  sinks[0]?.destroy()
  expect(cleared).not.toHaveBeenCalled()
  sinks[1]?.destroy()
  expect(cleared).toHaveBeenCalledTimes(1)
  await joined()
  expect(intervals).toHaveBeenCalledTimes(2)
})
