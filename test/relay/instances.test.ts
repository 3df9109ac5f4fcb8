/** Runs and several instances on one Redis: read anywhere, stopped anywhere, and what is left when an instance is killed. */
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { key, post, refused, relaying, resume, told } from '../support/relays.ts'
import { send } from '../support/requests.ts'
import { untilReady, useRedis } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'
import type { TestStream } from '../support/streams.ts'
import { begin, type Call, Upstream } from '../support/upstream.ts'
import { waitFor } from '../support/wait-for.ts'

describe('with three instances', () => {
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

  /** A run of the first instance, whose upstream is the test's to write. */
  const begun = async () => {
    const stream = await post(servers[0], upstream.answers('/run', begin))
    const [call] = upstream.of('/run') as [Call]
    return { stream, call }
  }

  test('a run goes on at another instance after the reader’s was killed: nothing lost, nothing twice', async () => {
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

  test('whoever comes to a run that is read there costs the log no reading of it', async () => {
    const { stream, call } = await begun()
    call.response.write('data: 1\n\n')
    await stream.until(() => stream.events.length === 1)
    const readings = async () => {
      const { text } = await send(servers[0].port, 'GET', '/metrics')
      return /^colocate_store_seconds_count{script="history"} (\d+)$/m.exec(text)?.[1]
    }
    const before = await readings()
    for (const id of ['', stream.lastEventId]) {
      for (let i = 0; i < 10; i++) await resume(servers[0], stream.run, id)
    }
    expect(before).toMatch(/\d/)
    expect(await readings()).toBe(before)
    call.response.end('data: 2\n\n')
    await stream.ended()
  })

  test('a run whose only reader’s instance was killed waits for the reader as for any that leaves', async () => {
    const { stream, call } = await begun()
    const reader = await resume(servers[1], stream.run)
    call.response.write('data: 1\n\n')
    await reader.until(() => reader.events.length === 1)
    stream.close()
    await kill(servers[1])
    await reader.ended()
    // Until it is known that nobody holds it any more: that is a matter of the log's clock alone.
    const log = new Redis(redis.url)
    const [name = ''] = await log.keys(`*{run/${stream.run.split('/').at(-1)}/*:log`)
    await waitFor('the log says so', async () =>
      JSON.stringify(await log.xrevrange(name, '+', '-', 'COUNT', '3')).includes('expired'),
    )
    log.disconnect()
    const again = await resume(servers[2], stream.run, reader.lastEventId)
    call.response.end('data: still here\n\n')
    await again.ended()
    expect(told(again)).toEqual([{ event: undefined, data: 'still here' }])
  })

  test('an instance that is killed while it relays ends its runs for the readers elsewhere within 10 s', async () => {
    const { stream, call } = await begun()
    call.response.write('data: 1\n\n')
    const readers = [await resume(servers[1], stream.run), await resume(servers[2], stream.run)]
    for (const reader of readers) await reader.until(() => reader.events.length === 1)
    const killedAt = performance.now()
    await kill(servers[0])
    for (const reader of readers) await reader.ended()
    const ms = Math.round(performance.now() - killedAt)
    process.stdout.write(`kill -9 of the relaying instance: its readers elsewhere were told after ${ms} ms\n`)
    expect(ms).toBeLessThan(10_000)
    for (const reader of readers) {
      expect(reader.events.map(({ event }) => event)).toEqual([undefined, 'relay-error'])
      expect(JSON.parse(reader.events[1]?.data ?? '')).toMatchObject({ reason: 'expired' })
    }
    const late = await resume(servers[1], stream.run)
    await late.ended()
    expect(late.events).toEqual(readers[0]?.events)
  })

  test('one that is stopped tells them at once', async () => {
    const { stream } = await begun()
    const reader = await resume(servers[1], stream.run)
    await servers[0].stop()
    await reader.ended()
    expect(JSON.parse(reader.events[0]?.data ?? '')).toMatchObject({ reason: 'drained' })
  })

  test('DELETE at any instance stops the upstream and ends the readers at all', async () => {
    const { stream, call } = await begun()
    const readers = [stream, await resume(servers[1], stream.run), await resume(servers[2], stream.run)]
    expect((await send(servers[2].port, 'DELETE', stream.run)).status).toBe(204)
    await upstream.until(() => call.closedAt !== undefined)
    for (const reader of readers) await reader.ended()
    expect(readers.flatMap(told)).toEqual([])
    for (const { port } of servers) expect((await send(port, 'GET', stream.run)).status).toBe(204)
  })

  test('the operator’s key is in no answer, no log and no value in Redis', async () => {
    const echo = JSON.stringify({ error: `Incorrect API key: Bearer ${key}` })
    const answers: Record<string, (call: Call) => void> = {
      '/401': ({ response }) => response.writeHead(401, { 'content-type': 'application/json' }).end(echo),
      '/escaped': ({ response }) => response.writeHead(500).end(key.replaceAll('/', '\\/')),
      '/in-url': ({ response }) => response.writeHead(500).end(encodeURIComponent(key)),
      '/redirect': ({ response }) => response.writeHead(302, { location: `/?key=${key}`, 'x-key': key }).end(key),
      // It stands where the shown part of the body ends.
      '/at-the-cut': ({ response }) => response.writeHead(500).end('x'.repeat(2_040) + key + 'x'.repeat(2_040)),
      '/html': ({ response }) => response.writeHead(200, { 'content-type': 'text/html' }).end(`<b>${key}</b>`),
      '/stream': call => begin(call).end(`data: ${JSON.stringify(call.headers)}\n\ndata: ${key}\n\n`),
      '/broken': call => void begin(call).write(`data: ${key}\n\n`, () => call.response.destroy()),
      '/gone': ({ response }) => response.destroy(),
    }
    const said: string[] = []
    for (const [path, answer] of Object.entries(answers)) {
      const stream = await post(servers[0], upstream.answers(path, answer))
      await stream.ended()
      said.push(stream.text, JSON.stringify([...stream.headers]))
      expect(upstream.of(path)[0]?.headers.authorization).toBe(`Bearer ${key}`)
      if (!stream.run) continue
      const again = await resume(servers[1], stream.run)
      await again.ended()
      said.push(again.text)
    }
    const log = JSON.stringify(servers.map(server => server.log))
    const dump = await dumpOf(redis.url)
    expect(dump).toContain('authorization')
    expect(said.join()).toContain('Incorrect API key: […]')
    const parts = [key, key.slice(0, 12), key.slice(-12), key.replaceAll('/', '\\/'), encodeURIComponent(key)]
    for (const [place, text] of Object.entries({ answers: said.join('\n'), log, dump })) {
      const found = parts.filter(part => text.includes(part))
      expect({ place, found }).toEqual({ place, found: [] })
    }
    process.stdout.write(`the operator's key: in 0 of ${said.length} answers, 0 logs, 0 values in Redis\n`)
  })

  test('nothing is begun with the store away, and an upstream that was called is hung up', async () => {
    redis.child.kill('SIGSTOP')
    try {
      const target = upstream.answers('/away', begin)
      const stream = await post(servers[0], target)
      const { status } = await refused(stream)
      expect(status).toBe(503)
    } finally {
      redis.child.kill('SIGCONT')
    }
    for (const call of upstream.of('/away')) await upstream.until(() => call.closedAt !== undefined)
  })
})

/** Every key and value. */
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
