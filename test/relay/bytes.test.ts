/** Readers receive the upstream's data and event fields unchanged, byte for byte, through real servers. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { post, relaying, resume, withoutIds } from '../support/relays.ts'
import { type Store, stores, untilReady, useRedis } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { begin, inParts, Upstream } from '../support/upstream.ts'
import { recordings } from './recordings.ts'

/** The number of concurrent runs. */
const concurrency = 16

describe.each(stores)('a relay, over %s', (store: Store) => {
  const redis = store === 'redis' ? useRedis() : undefined
  let upstream: Upstream
  let server: TestServer
  beforeAll(async () => {
    upstream = await new Upstream().listen()
    const env = redis && { REDIS_URL: redis.url }
    server = await startServer(relaying(upstream, env))
    await untilReady(server, true)
  })
  afterAll(async () => {
    await server?.stop()
    await upstream?.close()
  })

  const relayed = async (target: string) => {
    const stream = await post(server, target)
    expect(stream.status).toBe(200)
    await stream.ended()
    return withoutIds(stream)
  }

  test.each(Object.keys(recordings))(
    'delivers the same events of the %s recording for every split',
    async name => {
      const bytes = Buffer.from(recordings[name] ?? '')
      const target = upstream.answers(`/${name}`, call => {
        const at = Number(call.headers['x-cut'])
        void inParts(begin(call), at < 0 ? [bytes] : [bytes.subarray(0, at), bytes.subarray(at)])
      })
      const cut = async (at: number) => {
        const stream = await post(server, target, { header: { 'x-cut': at } })
        await stream.ended()
        return withoutIds(stream)
      }
      const whole = await cut(-1)
      expect(whole.length).toBeGreaterThan(1)
      // A run costs a dozen Redis commands, so with Redis only the first half of the splits is tested.
      const cuts = Array.from({ length: store === 'redis' ? bytes.length / 2 : bytes.length + 1 }, (_, at) => at)
      let equal = 0
      while (cuts.length > 0) {
        for (const events of await Promise.all(cuts.splice(0, concurrency).map(cut))) {
          expect(events).toEqual(whole)
          equal++
        }
      }
      process.stdout.write(`${name} over ${store}: ${equal} cuts, all equal\n`)
    },
    120_000,
  )

  test('delivers the events of an upstream that writes one byte at a time', async () => {
    const target = upstream.answers('/drip', call => {
      void inParts(
        begin(call),
        Array.from(Buffer.from(recordings.Anthropic ?? ''), byte => Uint8Array.of(byte)),
      )
    })
    const events = await relayed(target)
    expect(events.map(({ event }) => event)).toEqual([
      'message_start',
      'ping',
      'content_block_delta',
      'content_block_delta',
      'message_stop',
    ])
  })

  test('delivers a line of one megabyte', async () => {
    const line = '0123456789abcdef'.repeat(65_536)
    const target = upstream.answers('/long', call => void inParts(begin(call), [`data: ${line}\n\n`]))
    const events = await relayed(target)
    expect(events.map(({ data }) => data === line)).toEqual([true])
  })

  test('delivers control characters, empty lines and lines that look like fields', async () => {
    const data = [
      '',
      ' two spaces before',
      '\ttab',
      '{"a":"\\u0000\\n"}',
      '\u0000\u0001\u2028\u0085',
      'ü😀',
      '',
      ': id: x',
      '',
    ]
    const target = upstream.answers('/odd', call => {
      void inParts(begin(call), [
        `event: a b: c\n${data.map(line => `data: ${line}\n`).join('')}\ndata\n\nretry: 1\nid: mine\n\n`,
      ])
    })
    expect(await relayed(target)).toEqual([
      { event: 'a b: c', data: data.join('\n') },
      { event: undefined, data: '' },
    ])
  })

  test('replaces the upstream’s event ids with its own, which are the same for every reader', async () => {
    const target = upstream.answers('/ids', call => void inParts(begin(call), ['id: 7\ndata: a\n\nid: 8\ndata: b\n\n']))
    const stream = await post(server, target)
    await stream.ended()
    const ids = stream.events.map(({ id }) => id)
    expect(ids).toEqual([expect.stringMatching(/^\d+-\d+$/), expect.stringMatching(/^\d+-\d+$/)])
    const again = await resume(server, stream.run)
    await again.ended()
    expect(again.events).toEqual(stream.events)
  })
})
