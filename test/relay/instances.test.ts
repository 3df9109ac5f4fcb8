/** Runs across several instances on one Redis: reading, stopping, and killing an instance with SIGKILL. */
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { key, post, readProblem, relaying, resume, withoutIds } from '../support/relays.ts'
import { send } from '../support/requests.ts'
import { untilReady, useRedis } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'
import type { TestStream } from '../support/streams.ts'
import { begin, type Call, Upstream } from '../support/upstream.ts'
import { waitFor } from '../support/wait-for.ts'

describe('with three instances,', () => {
  const redis = useRedis()
  let upstream: Upstream
  let servers: [TestServer, TestServer, TestServer]
  beforeEach(async () => {
    upstream = await new Upstream().listen()
    const start = () => startServer(relaying(upstream, { REDIS_URL: redis.url, LOG_LEVEL: 'trace' }))
    servers = await Promise.all([start(), start(), start()])
    for (const server of servers) await untilReady(server, true)
  })
  afterEach(async () => {
    await Promise.all(servers.map(server => server.stop()))
    await upstream.close()
  })

  const kill = async ({ child }: TestServer) => {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  /** Starts a run on the first instance. The test writes the upstream's answer. */
  const begun = async () => {
    const stream = await post(servers[0], upstream.answers('/run', begin))
    const [call] = upstream.of('/run') as [Call]
    return { stream, call }
  }

  test('a reader whose instance is killed resumes at another one, with no event lost or repeated', async () => {
    const { stream, call } = await begun()
    stream.close()
    const count = 300
    const seen: string[] = []
    let reader: TestStream = await resume(servers[1], stream.run)
    for (let i = 0; i < count; i++) {
      call.response.write(`data: ${i}\n\n`)
      if (i === 100) {
        await reader.until(() => reader.events.length > 20)
        await kill(servers[1])
        await reader.ended()
        seen.push(...reader.events.map(({ data }) => data))
        reader = await resume(servers[2], stream.run, reader.lastEventId)
      }
      await new Promise(setImmediate)
    }
    call.response.end()
    await reader.ended()
    seen.push(...reader.events.map(({ data }) => data))
    const wanted = Array.from({ length: count }, (_, i) => `${i}`)
    const lost = wanted.filter(data => !seen.includes(data)).length
    process.stdout.write(
      `kill -9 of the reader's instance: ${lost} lost, ${seen.length - new Set(seen).size} repeated\n`,
    )
    expect(seen).toEqual(wanted)
    expect(upstream.of('/run')).toHaveLength(1)
  })

  test('an instance with readers of a run serves further readers without reading the history from Redis', async () => {
    const { stream, call } = await begun()
    call.response.write('data: 1\n\n')
    await stream.until(() => stream.events.length === 1)
    const historyReads = async () => {
      const { text } = await send(servers[0].port, 'GET', '/metrics')
      return /^colocate_store_seconds_count{script="history"} (\d+)$/m.exec(text)?.[1]
    }
    const before = await historyReads()
    for (const id of ['', stream.lastEventId]) {
      for (let i = 0; i < 10; i++) await resume(servers[0], stream.run, id)
    }
    expect(before).toMatch(/\d/)
    expect(await historyReads()).toBe(before)
    call.response.end('data: 2\n\n')
    await stream.ended()
  })

  test('a run whose only reader’s instance is killed continues, and the reader resumes at another instance', async () => {
    const { stream, call } = await begun()
    const reader = await resume(servers[1], stream.run)
    call.response.write('data: 1\n\n')
    await reader.until(() => reader.events.length === 1)
    stream.close()
    await kill(servers[1])
    await reader.ended()
    // Waits for the expiry of the reader's lease, which depends on Redis's clock alone.
    const log = new Redis(redis.url)
    const [name = ''] = await log.keys(`*{run/${stream.run.split('/').at(-1)}/*:log`)
    await waitFor('the log records the expired lease', async () =>
      JSON.stringify(await log.xrevrange(name, '+', '-', 'COUNT', '3')).includes('expired'),
    )
    log.disconnect()
    const again = await resume(servers[2], stream.run, reader.lastEventId)
    call.response.end('data: still here\n\n')
    await again.ended()
    expect(withoutIds(again)).toEqual([{ event: undefined, data: 'still here' }])
  })

  test('readers at other instances receive a relay-error within 10 s after the relaying instance is killed', async () => {
    const { stream, call } = await begun()
    call.response.write('data: 1\n\n')
    const readers = [await resume(servers[1], stream.run), await resume(servers[2], stream.run)]
    for (const reader of readers) await reader.until(() => reader.events.length === 1)
    const killedAt = performance.now()
    await kill(servers[0])
    for (const reader of readers) await reader.ended()
    const ms = Math.round(performance.now() - killedAt)
    process.stdout.write(
      `kill -9 of the relaying instance: readers at other instances received the relay-error after ${ms} ms\n`,
    )
    expect(ms).toBeLessThan(10_000)
    for (const reader of readers) {
      expect(reader.events.map(({ event }) => event)).toEqual([undefined, 'relay-error'])
      expect(JSON.parse(reader.events[1]?.data ?? '')).toMatchObject({ reason: 'expired' })
    }
    const late = await resume(servers[1], stream.run)
    await late.ended()
    expect(late.events).toEqual(readers[0]?.events)
  })

  test('readers at other instances receive a relay-error at once when the relaying instance stops', async () => {
    const { stream } = await begun()
    const reader = await resume(servers[1], stream.run)
    await servers[0].stop()
    await reader.ended()
    expect(JSON.parse(reader.events[0]?.data ?? '')).toMatchObject({ reason: 'drained' })
  })

  test('DELETE at any instance closes the upstream call and ends the readers at every instance', async () => {
    const { stream, call } = await begun()
    const readers = [stream, await resume(servers[1], stream.run), await resume(servers[2], stream.run)]
    expect((await send(servers[2].port, 'DELETE', stream.run)).status).toBe(204)
    await upstream.until(() => call.closedAt !== undefined)
    for (const reader of readers) await reader.ended()
    expect(readers.flatMap(withoutIds)).toEqual([])
    for (const { port } of servers) expect((await send(port, 'GET', stream.run)).status).toBe(204)
  })

  test('the operator’s key appears in no answer, no log and no value in Redis', async () => {
    const echo = JSON.stringify({ error: `Incorrect API key: Bearer ${key}` })
    const answers: Record<string, (call: Call) => void> = {
      '/401': ({ response }) => response.writeHead(401, { 'content-type': 'application/json' }).end(echo),
      '/escaped': ({ response }) => response.writeHead(500).end(key.replaceAll('/', '\\/')),
      '/in-url': ({ response }) => response.writeHead(500).end(encodeURIComponent(key)),
      '/redirect': ({ response }) => response.writeHead(302, { location: `/?key=${key}`, 'x-key': key }).end(key),
      // The key spans the point at which the relay truncates the body.
      '/at-the-cut': ({ response }) => response.writeHead(500).end('x'.repeat(2_040) + key + 'x'.repeat(2_040)),
      '/html': ({ response }) => response.writeHead(200, { 'content-type': 'text/html' }).end(`<b>${key}</b>`),
      '/stream': call => begin(call).end(`data: ${JSON.stringify(call.headers)}\n\ndata: ${key}\n\n`),
      '/broken': call => void begin(call).write(`data: ${key}\n\n`, () => call.response.destroy()),
      '/gone': ({ response }) => response.destroy(),
    }
    const received: string[] = []
    for (const [path, answer] of Object.entries(answers)) {
      const stream = await post(servers[0], upstream.answers(path, answer))
      await stream.ended()
      received.push(stream.text, JSON.stringify([...stream.headers]))
      expect(upstream.of(path)[0]?.headers.authorization).toBe(`Bearer ${key}`)
      if (!stream.run) continue
      const again = await resume(servers[1], stream.run)
      await again.ended()
      received.push(again.text)
    }
    const log = JSON.stringify(servers.map(server => server.log))
    const dump = await dumpOf(redis.url)
    expect(dump).toContain('authorization')
    expect(received.join()).toContain('Incorrect API key: […]')
    const parts = [key, key.slice(0, 12), key.slice(-12), key.replaceAll('/', '\\/'), encodeURIComponent(key)]
    for (const [place, text] of Object.entries({ answers: received.join('\n'), log, dump })) {
      const found = parts.filter(part => text.includes(part))
      expect({ place, found }).toEqual({ place, found: [] })
    }
    process.stdout.write(`the operator's key: in 0 of ${received.length} answers, 0 logs, 0 values in Redis\n`)
  })

  test('a POST starts no run while Redis is unavailable, and the relay closes any upstream call', async () => {
    redis.child.kill('SIGSTOP')
    try {
      const target = upstream.answers('/away', begin)
      const stream = await post(servers[0], target)
      const { status } = await readProblem(stream)
      expect(status).toBe(503)
    } finally {
      redis.child.kill('SIGCONT')
    }
    for (const call of upstream.of('/away')) await upstream.until(() => call.closedAt !== undefined)
  })
})

/** Returns every key and value in Redis, as JSON. */
async function dumpOf(url: string): Promise<string> {
  const client = new Redis(url)
  const parts: unknown[] = []
  for (const name of await client.keys('*')) {
    const type = await client.type(name)
    if (type === 'stream') parts.push(name, await client.xrange(name, '-', '+'))
    else if (type === 'hash') parts.push(name, await client.hgetall(name))
    else if (type === 'zset') parts.push(name, await client.zrange(name, '0', '-1'))
    else parts.push(name, await client.get(name))
  }
  client.disconnect()
  return JSON.stringify(parts)
}
