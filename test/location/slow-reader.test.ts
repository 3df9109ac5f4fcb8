/** Readers that stop reading: what the server holds for them, and what they find when they read again. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { logged } from '../support/log.ts'
import { RawReader } from '../support/raw.ts'
import { Room, stores, useServer } from '../support/rooms.ts'
import type { TestServer } from '../support/server.ts'

const megabytes = 20
const meta = { a: 'x'.repeat(1000) }

describe.each(stores)('a reader that stops reading, over %s', store => {
  const server = useServer(store)
  const strict = useServer(store, { STALL_MS: '300', HISTORY_LENGTH: '10' })

  test('costs the server less than 4 MB while 20 MB pass, and ends in the right state', async () => {
    const room = new Room(server)
    const path = `${room.path}/sse`
    const reading = await RawReader.open(server.port, path)
    // What the same traffic costs without anybody who is slow.
    await pass(room, reading)
    await pass(room, reading)
    const before = memory(server)
    const stalled = await Promise.all(Array.from({ length: 16 }, () => RawReader.open(server.port, path)))
    for (const reader of stalled) reader.pause()
    const lastId = await pass(room, reading)
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
    // Whoever reads is not held up, and misses nothing.
    expect(reading.snapshots).toEqual(['joined'])
    reading.close()
  }, 60_000)

  test('counts as gone once its socket has taken nothing for a time, and is closed', async () => {
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

/** Publishes that many megabytes; resolves with the last id, once the reader has read it. */
async function pass(room: Room, reader: RawReader): Promise<string> {
  let id = ''
  for (let bytes = 0; bytes < megabytes * 2 ** 20; bytes += 900 * 1000) {
    const { status, body } = await room.post(batch())
    expect(status).toBe(200)
    id = body.ids?.at(-1) ?? ''
    await reader.until(() => reader.lastEventId === id)
  }
  return id
}

/** What the process has in memory, in megabytes. */
function memory({ child }: TestServer): number {
  return Number(/VmRSS:\s*(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024
}
