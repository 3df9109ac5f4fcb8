/** Callers who leave: what nobody listens to is not asked for any longer than the grace. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { post, relaying, resume } from '../support/relays.ts'
import { type Store, stores, untilReady, useRedis } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { begin, type Call, Upstream } from '../support/upstream.ts'

const graceMs = 1_000

describe.each(stores)('of 100 callers, over %s', (store: Store) => {
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

  /** Resolves once every call is closed, with how long the last one took since its caller left. */
  const closed = async (path: string, leftAt: number[]) => {
    const calls = () => upstream.of(path)
    await upstream.until(
      () => calls().length === leftAt.length && calls().every(({ closedAt }) => closedAt !== undefined),
    )
    return Math.round(Math.max(...calls().map(({ closedAt = 0 }, i) => closedAt - (leftAt[i] ?? 0))))
  }
  const report = (when: string, ms: number) => {
    process.stdout.write(
      `100 callers who left ${when}, over ${store}: 0 open, the last closed after ${ms} ms (grace ${graceMs})\n`,
    )
    expect(ms).toBeLessThan(graceMs + 1_000)
  }

  test('those who leave before the first byte are hung up for at once', async () => {
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

  test('those who leave midway are hung up for after the grace', async () => {
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

  test('those who leave at the end leave nothing behind', async () => {
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

  test('those who leave and come back within the grace find the upstream still there', async () => {
    const target = upstream.answers('/back', begin)
    const stream = await post(server, target)
    const [call] = upstream.of('/back') as [Call]
    let { lastEventId } = stream
    let reader = await resume(server, stream.run)
    stream.close()
    // Each of them stays for less than the grace, all together for longer.
    for (let i = 0; i < 6; i++) {
      reader.close()
      await untilLater(graceMs / 3)
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

/** Time that has to pass, since it is time that this is about. */
function untilLater(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
