/** Clients that disconnect: the relay closes the upstream call of a run without readers when the grace ends. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { post, relaying, resume } from '../support/relays.ts'
import { type Store, stores, untilReady, useRedis } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { begin, type Call, Upstream } from '../support/upstream.ts'

const graceMs = 1_000

describe.each(stores)('the relay, with 100 clients, over %s', (store: Store) => {
  const redis = store === 'redis' ? useRedis() : undefined
  let upstream: Upstream
  let server: TestServer
  beforeAll(async () => {
    upstream = await new Upstream().listen()
    const env = { RELAY_GRACE_MS: `${graceMs}`, ...(redis && { REDIS_URL: redis.url }) }
    server = await startServer(relaying(upstream, env))
    await untilReady(server, true)
  })
  afterAll(async () => {
    await server?.stop()
    await upstream?.close()
  })

  /** Resolves once every call is closed, with the longest time between a client's disconnect and the end of its call. */
  const closed = async (path: string, leftAt: number[]) => {
    const calls = () => upstream.of(path)
    await upstream.until(
      () => calls().length === leftAt.length && calls().every(({ closedAt }) => closedAt !== undefined),
    )
    return Math.round(Math.max(...calls().map(({ closedAt = 0 }, i) => closedAt - (leftAt[i] ?? 0))))
  }
  const report = (when: string, ms: number) => {
    process.stdout.write(
      `100 clients disconnected ${when}, over ${store}: 0 calls open, the last closed after ${ms} ms (grace ${graceMs})\n`,
    )
    expect(ms).toBeLessThan(graceMs + 1_000)
  }

  test('leaves no upstream call open if the clients disconnect before the first byte', async () => {
    const target = upstream.answers('/before', () => {})
    const aborts = Array.from({ length: 100 }, () => new AbortController())
    const asked = aborts.map(({ signal }) =>
      fetch(`${server.url}/forward-sse`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ targetUrl: target }),
        signal,
      }).catch(() => {}),
    )
    await upstream.until(() => upstream.of('/before').length === 100)
    const leftAt = aborts.map(abort => {
      abort.abort()
      return performance.now()
    })
    await Promise.all(asked)
    report('before the first byte', await closed('/before', leftAt))
  })

  test('ends the run and closes the upstream calls if the clients disconnect midway', async () => {
    const target = upstream.answers('/midway', call => {
      const response = begin(call)
      const timer = setInterval(() => response.write('data: on and on\n\n'), 50)
      response.on('close', () => clearInterval(timer))
    })
    const streams = await Promise.all(Array.from({ length: 100 }, () => post(server, target)))
    await Promise.all(streams.map(stream => stream.until(() => stream.events.length > 0)))
    const leftAt = streams.map(stream => {
      stream.close()
      return performance.now()
    })
    report('midway', await closed('/midway', leftAt))
    const late = await resume(server, streams[0]?.run ?? '')
    await late.ended()
    expect(JSON.parse(late.events.at(-1)?.data ?? '')).toMatchObject({ reason: 'abandoned' })
  })

  test('leaves no upstream call open if the clients disconnect at the end', async () => {
    const target = upstream.answers('/end', call => begin(call).end('data: all\n\n'))
    const streams = await Promise.all(Array.from({ length: 100 }, () => post(server, target)))
    const leftAt = await Promise.all(
      streams.map(async stream => {
        await stream.until(() => stream.events.length === 1)
        stream.close()
        return performance.now()
      }),
    )
    report('at the end', await closed('/end', leftAt))
  })

  test('keeps the upstream call open while readers reconnect within the grace', async () => {
    const target = upstream.answers('/back', begin)
    const stream = await post(server, target)
    const [call] = upstream.of('/back') as [Call]
    let { lastEventId } = stream
    let reader = await resume(server, stream.run)
    stream.close()
    // Each gap between two readers is shorter than the grace; all gaps together are longer.
    for (let i = 0; i < 6; i++) {
      reader.close()
      await delay(graceMs / 3)
      reader = await resume(server, stream.run, lastEventId)
      call.response.write(`data: ${i}\n\n`)
      await reader.until(() => reader.events.at(-1)?.data === `${i}`)
      lastEventId = reader.lastEventId
    }
    expect(call.closedAt).toBeUndefined()
    call.response.end()
    await reader.ended()
  })
})

/** The grace runs on the server's real clock, so the test has to wait. */
function delay(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
