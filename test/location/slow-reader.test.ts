/** Readers that stop reading: the memory that they cost the server, and how they catch up. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { logged } from '../support/log.ts'
import { RawReader } from '../support/raw.ts'
import { Room, stores, useServer } from '../support/rooms.ts'
import type { TestServer } from '../support/server.ts'

const megabytes = 20
const meta = { a: 'x'.repeat(1000) }

describe.each(stores)('with the %s store, a reader that stops reading', store => {
  const server = useServer(store)
  const strict = useServer(store, { STALL_MS: '300', HISTORY_LENGTH: '10' })

  test('costs the server less than 4 MB while 20 MB are published, and has the right state once it catches up', async () => {
    const room = new Room(server)
    const path = `${room.path}/sse`
    const reading = await RawReader.open(server.port, path)
    // The same traffic without slow readers, as the baseline.
    await publishMegabytes(room, reading)
    await publishMegabytes(room, reading)
    const before = memory(server)
    const stalled = await Promise.all(Array.from({ length: 16 }, () => RawReader.open(server.port, path)))
    for (const reader of stalled) reader.pause()
    const lastId = await publishMegabytes(room, reading)
    const growth = (memory(server) - before) / stalled.length
    expect(growth).toBeLessThan(4)

    const who = await room.who()
    for (const reader of stalled) {
      reader.resume()
      await reader.until(() => reader.lastEventId === lastId)
      expect(reader.who).toEqual(who)
      expect(reader.snapshots).toEqual(['joined', 'behind'])
    }
    const next = await room.put('u1', 7, 7)
    for (const reader of stalled) {
      await reader.until(() => reader.lastEventId === next)
      reader.close()
    }
    // The reader that kept reading was not delayed and missed no event.
    expect(reading.snapshots).toEqual(['joined'])
    reading.close()
  }, 60_000)

  test('is disconnected once its socket has accepted no data for STALL_MS', async () => {
    const room = new Room(strict)
    const [reading, stalled] = [
      await RawReader.open(strict.port, `${room.path}/sse`),
      await RawReader.open(strict.port, `${room.path}/sse`),
    ]
    stalled.pause()
    let closed: unknown
    const closing = logged(strict, ({ msg, room: name }) => msg === 'stream closed' && name === room.name).then(
      entry => {
        closed = entry
      },
    )
    while (!closed) await room.post(batch())
    await closing
    expect(closed).toMatchObject({ cause: 'stalled' })
    const id = await room.put('u1', 5, 5)
    await reading.until(() => reading.lastEventId === id)
    reading.close()
    stalled.close()
  }, 60_000)
})

const batch = () => Array.from({ length: 900 }, (_, i) => ({ user: `u${i % 50}`, x: i, y: 0, meta }))

/** Publishes `megabytes` of locations. Resolves with the last id once the reader has received it. */
async function publishMegabytes(room: Room, reader: RawReader): Promise<string> {
  let id = ''
  for (let bytes = 0; bytes < megabytes * 2 ** 20; bytes += 900 * 1000) {
    const { status, body } = await room.post(batch())
    expect(status).toBe(200)
    id = body.ids?.at(-1) ?? ''
    await reader.until(() => reader.lastEventId === id)
  }
  return id
}

/** Returns the resident memory of the process in megabytes. */
function memory({ child }: TestServer): number {
  return Number(/VmRSS:\s*(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024
}
