/** Readers of a run that stop reading: what they cost the server, and what they get once they read again. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createParser } from 'eventsource-parser'
import { post, relaying } from '../support/relays.ts'
import { type Store, stores, untilReady, useRedis } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { begin, type Call, Upstream } from '../support/upstream.ts'

const events = 12_000
const eventBytes = 2_500
const readers = 16

describe.each(stores)('with the %s store, readers of a run', (store: Store) => {
  const redis = store === 'redis' ? useRedis() : undefined
  let upstream: Upstream
  let server: TestServer
  beforeAll(async () => {
    upstream = await new Upstream().listen()
    const env = { RELAY_MAX_BYTES: `${64 * 2 ** 20}`, ...(redis && { REDIS_URL: redis.url }) }
    server = await startServer(relaying(upstream, env))
    await untilReady(server, true)
  })
  afterAll(async () => {
    await server?.stop()
    await upstream?.close()
  })

  test('that stop reading cost the server less than 4 MB each while 30 MB arrive, and get every event once they read again', async () => {
    // The same traffic without other readers, as the baseline: each run is kept, and costs memory of its own.
    // The first run also fills the allocator's own reserves, so it is not measured.
    await runOf30Megabytes('/warm-up', async () => {})
    await runOf30Megabytes('/first', async () => {})
    const first = memory(server)
    await runOf30Megabytes('/second', async () => {})
    const before = memory(server)
    const stalled: IncomingMessage[] = []
    const wanted = await runOf30Megabytes('/stalled', async run => {
      for (let i = 0; i < readers; i++) stalled.push(await openRun(run))
    })
    const growth = memory(server) - before - Math.max(0, before - first)
    expect(growth / readers).toBeLessThan(4)
    for (const response of stalled) expect(await dataOf(response)).toEqual(wanted)
  }, 60_000)

  /** Resolves with what the reader that kept reading has received. */
  async function runOf30Megabytes(path: string, whenBegun: (run: string) => Promise<void>): Promise<string[]> {
    const stream = await post(server, upstream.answers(path, begin))
    await whenBegun(stream.run)
    const [call] = upstream.of(path) as [Call]
    for (let i = 0; i < events; i++) {
      if (!call.response.write(`data: ${i} ${'x'.repeat(eventBytes)}\n\n`)) await once(call.response, 'drain')
    }
    call.response.end()
    await stream.ended()
    expect(stream.events).toHaveLength(events)
    return stream.events.map(({ data }) => data)
  }

  /** Resolves with a response that is not read. */
  async function openRun(run: string): Promise<IncomingMessage> {
    const [response] = (await once(get(server.url + run), 'response')) as [IncomingMessage]
    return response
  }
})

/** Reads an answer to its end, which must be in order. */
async function dataOf(response: IncomingMessage): Promise<string[]> {
  const all: string[] = []
  const parser = createParser({ onEvent: ({ data }) => all.push(data) })
  for await (const part of response.setEncoding('utf8')) parser.feed(part)
  return all
}

/** Returns the resident memory of the process in megabytes. */
function memory({ child }: TestServer): number {
  return Number(/VmRSS:\s*(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024
}
