/** Measures the delay that the relay adds, next to direct calls of the same upstream. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { post, relaying } from '../support/relays.ts'
import { untilReady, useRedis } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { openStream, type TestStream } from '../support/streams.ts'
import { begin, Upstream } from '../support/upstream.ts'

const rounds = 20
const events = 20
const everyMs = 10

const redis = useRedis()
let upstream: Upstream
let server: TestServer
beforeAll(async () => {
  upstream = await new Upstream().listen()
  server = await startServer(relaying(upstream, { REDIS_URL: redis.url }))
  await untilReady(server, true)
})
afterAll(async () => {
  await server?.stop()
  await upstream?.close()
})

/** Returns the milliseconds between the upstream's write and the reader's receipt, for every event. */
async function delays(stream: TestStream): Promise<number[]> {
  const found: number[] = []
  for (let i = 0; i < events; i++) {
    await stream.until(() => stream.events.length > i)
    found.push(performance.now() - Number(stream.events[i]?.data))
  }
  return found
}

const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0

test('every event of a relayed answer arrives; the output compares its delay with that of a direct call', async () => {
  const target = upstream.answers('/timed', call => {
    const response = begin(call)
    let written = 0
    const timer = setInterval(() => {
      response.write(`data: ${performance.now()}\n\n`)
      if (++written < events) return
      clearInterval(timer)
      response.end()
    }, everyMs)
  })
  const total = { direct: [] as number[], relayed: [] as number[] }
  const delay = { direct: [] as number[], relayed: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    for (const way of ['direct', 'relayed'] as const) {
      const startedAt = performance.now()
      const stream = await (way === 'direct' ? openStream(target) : post(server, target))
      delay[way].push(...(await delays(stream)))
      total[way].push(performance.now() - startedAt)
    }
  }
  const ratio = median(total.relayed) / median(total.direct)
  process.stdout.write(
    `direct ${median(total.direct).toFixed(1)} ms, relayed ${median(total.relayed).toFixed(1)} ms for an answer: ratio ${ratio.toFixed(3)}; ` +
      `an event ${median(delay.direct).toFixed(2)} ms and ${median(delay.relayed).toFixed(2)} ms after it was written\n`,
  )
  expect(total.relayed).toHaveLength(rounds)
}, 60_000)
