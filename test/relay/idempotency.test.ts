/** `Idempotency-Key`: the relay calls the upstream once for each key of each caller, at any instance and under faults. */
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { IdempotencyKeys, keyUseOf } from '../../server/relay/idempotency-keys.ts'
import { relaySchema } from '../../server/relay/request.ts'
import { begun, topicOf } from '../../server/relay/run-log.ts'
import { post, readProblem, relaying, resume, withoutIds } from '../support/relays.ts'
import { expectProblem, send } from '../support/requests.ts'
import { type Store, stores, untilReady, useRedis } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { readyStoreAt } from '../support/stores.ts'
import { nowSeconds, secret, sign } from '../support/tokens.ts'
import { begin, type Call, Upstream } from '../support/upstream.ts'
import { waitFor } from '../support/wait-for.ts'

let upstream: Upstream
let paths = 0
beforeAll(async () => {
  upstream = await new Upstream().listen()
})
afterAll(() => upstream.close())

const keyed = (key: string) => ({ 'idempotency-key': key })
const data = (stream: { events: { data: string }[] }) => stream.events.map(event => event.data)

/** An upstream that sends nothing: the test writes the answer, including its head. */
function silent(): { target: string; calls: () => Call[]; first: () => Promise<Call> } {
  const path = `/silent/${paths++}`
  const target = upstream.answers(path, () => {})
  const calls = () => upstream.of(path)
  return {
    target,
    calls,
    async first() {
      await upstream.until(() => calls().length > 0)
      return calls()[0] as Call
    },
  }
}

describe.each(stores)('a second POST with the same key, over %s', (store: Store) => {
  const redis = store === 'redis' ? useRedis() : undefined
  let servers: TestServer[]
  const [here, elsewhere] = [() => servers[0] as TestServer, () => servers.at(-1) as TestServer]
  beforeAll(async () => {
    const env = {
      HISTORY_TTL_MS: '2000',
      RELAY_IDLE_MS: '20000',
      RELAY_GRACE_MS: '20000',
      ...(redis && { REDIS_URL: redis.url }),
    }
    servers = await Promise.all(Array.from({ length: redis ? 2 : 1 }, () => startServer(relaying(upstream, env))))
    for (const server of servers) await untilReady(server, true)
  })
  afterAll(async () => {
    await Promise.all((servers ?? []).map(server => server.stop()))
  })

  test('joins the run from its start or after Last-Event-ID, while it is in progress and after its end', async () => {
    const { target, calls, first } = silent()
    const asked = post(here(), target, {}, keyed('joins'))
    const response = begin(await first())
    response.write('data: 1\n\n')
    const stream = await asked
    await stream.until(() => stream.events.length === 1)
    const whole = await post(elsewhere(), target, {}, keyed('joins'))
    const rest = await post(elsewhere(), target, {}, { ...keyed('joins'), 'last-event-id': stream.lastEventId })
    expect([whole.run, rest.run]).toEqual([stream.run, stream.run])
    response.end('data: 2\n\n')
    const late = await post(elsewhere(), target, {}, keyed('joins'))
    for (const each of [stream, whole, rest, late]) await each.ended()
    expect([stream, whole, rest, late].map(data)).toEqual([['1', '2'], ['1', '2'], ['2'], ['1', '2']])
    const nothing = await post(here(), target, {}, { ...keyed('joins'), 'last-event-id': stream.lastEventId })
    expect(nothing.status).toBe(204)
    expect(nothing.run).toBe(stream.run)
    expect(calls()).toHaveLength(1)
  })

  test('joins the run while the first POST waits for the upstream, also among many concurrent POSTs', async () => {
    const { target, calls, first } = silent()
    const asked = Array.from({ length: 12 }, (_, i) => post(i % 2 ? here() : elsewhere(), target, {}, keyed('waits')))
    const call = await first()
    asked.push(post(elsewhere(), target, {}, keyed('waits')))
    begin(call).end('data: 1')
    const streams = await Promise.all(asked)
    for (const stream of streams) await stream.ended()
    expect(new Set(streams.map(({ run }) => run)).size).toBe(1)
    expect(streams.map(data)).toEqual(streams.map(() => ['1']))
    expect(calls()).toHaveLength(1)
  })

  test('receives the 502 of the call that it waits for, which frees the key', async () => {
    const { target, calls, first } = silent()
    const asked = [post(here(), target, {}, keyed('fails')), post(elsewhere(), target, {}, keyed('fails'))]
    const call = await first()
    await waiting(2)
    call.response.writeHead(500).end('no')
    for (const stream of await Promise.all(asked)) {
      expect(await readProblem(stream)).toMatchObject({ status: 502, upstream: { status: 500, body: 'no' } })
      expect(stream.run).toBe('')
    }
    upstream.answers(new URL(target).pathname, again => begin(again).end('data: yes\n\n'))
    const again = await post(elsewhere(), target, {}, keyed('fails'))
    await again.ended()
    expect(data(again)).toEqual(['yes'])
    expect(calls()).toHaveLength(2)
  })

  test('joins the pending call if the first client has disconnected', async () => {
    const { target, calls, first } = silent()
    const abort = new AbortController()
    const left = fetch(`${here().url}/forward-sse`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...keyed('left') },
      body: JSON.stringify({ targetUrl: target }),
      signal: abort.signal,
    }).catch(() => {})
    const call = await first()
    abort.abort()
    await left
    const asked = post(elsewhere(), target, {}, keyed('left'))
    await waiting(1)
    begin(call).end('data: 1\n\n')
    const stream = await asked
    await stream.ended()
    expect(data(stream)).toEqual(['1'])
    expect(calls()).toHaveLength(1)
  })

  test('is refused for a different request, and joins for the same request in another form', async () => {
    const { target, calls, first } = silent()
    const parts = { method: 'put', header: { a: '1', B: '2' }, body: { text: 'ü' } }
    const asked = post(here(), target, parts, keyed('other'))
    begin(await first()).write('data: 1\n\n')
    const stream = await asked
    const same = await post(
      elsewhere(),
      target,
      { method: 'PUT', header: '{"b":"2","A":"1"}', body: '{"text":"ü"}' },
      keyed('other'),
    )
    expect(same.run).toBe(stream.run)
    const different: [string, object][] = [
      [`${target}?x`, parts],
      [target, { ...parts, method: 'post' }],
      [target, { ...parts, header: { a: '1' } }],
      [target, { ...parts, body: { text: 'u' } }],
      [target, { method: 'put', header: parts.header }],
    ]
    for (const [url, other] of different) {
      const json = { targetUrl: url, ...other }
      const answer = await send(elsewhere().port, 'POST', '/forward-sse', { json, headers: keyed('other') })
      expectProblem(answer, 422)
      expect(answer.body.detail).toContain('Idempotency-Key')
    }
    expect(calls()).toHaveLength(1)
    calls()[0]?.response.end()
    await stream.ended()
  })

  test.each(['', ' ', 'a b', 'ü', 'x'.repeat(129), 'a\tb'])('is refused if the key is invalid: %j', async key => {
    const { target, calls } = silent()
    const headers = { 'idempotency-key': Buffer.from(key).toString('latin1') }
    const answer = await send(here().port, 'POST', '/forward-sse', { json: { targetUrl: target }, headers })
    expectProblem(answer, 400)
    expect(answer.body.detail).toContain('Idempotency-Key')
    expect(calls()).toEqual([])
  })

  test.each(['x', '!~"{}', 'x'.repeat(128)])('is accepted if the key is valid: %s', async key => {
    const target = upstream.answers(`/valid/${paths++}`, call => begin(call).end('data: 1\n\n'))
    for (const server of [here(), elsewhere()]) {
      const stream = await post(server, target, {}, keyed(key))
      await stream.ended()
      expect(data(stream)).toEqual(['1'])
    }
    expect(upstream.of(new URL(target).pathname)).toHaveLength(1)
  })

  test('calls the upstream again once the run has expired, however often readers have read it', async () => {
    const path = `/again/${paths++}`
    const target = upstream.answers(path, call => begin(call).end('data: 1\n\n'))
    const stream = await post(here(), target, {}, keyed('again'))
    await stream.ended()
    const runs = new Set<string>()
    await waitFor('a POST starts another run', async () => {
      const [read, joined] = [await resume(elsewhere(), stream.run), await post(here(), target, {}, keyed('again'))]
      await Promise.all([read.ended(), joined.ended()])
      // A key is free if and only if its run has expired.
      if (read.status === 200 && joined.run !== stream.run) expect((await resume(here(), stream.run)).status).toBe(404)
      return runs.add(joined.run).size > 1
    })
    expect(upstream.of(path)).toHaveLength(2)
  })

  /** Resolves once `count` requests wait for the upstream's answer. Each of them holds a reader's lease of the run. */
  async function waiting(count: number): Promise<void> {
    if (redis) {
      const log = new Redis(redis.url)
      await waitFor(`${count} requests wait`, async () => {
        const found = await Promise.all((await log.keys('*run/*:holders')).map(name => log.hget(name, 'readers')))
        return found.some(holders => (holders?.match(/=h:/g) ?? []).length === count)
      })
      log.disconnect()
    } else {
      // The server has received the requests before these ones, and the memory broker answers at once.
      for (let i = 0; i < 5; i++) await send(here().port, 'GET', '/readyz')
    }
  }
})

const killed = async ({ child }: TestServer) => {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

describe('with several instances,', () => {
  const redis = useRedis()
  const start = async (env: Record<string, string> = {}) => {
    const server = await startServer(relaying(upstream, { REDIS_URL: redis.url, RELAY_GRACE_MS: '20000', ...env }))
    await untilReady(server, true)
    return server
  }

  test('a POST joins a run whose instance is killed midway, and the relay does not call the upstream again', async () => {
    const [first, second] = await Promise.all([start(), start()])
    const { target, calls, first: called } = silent()
    const asked = post(first, target, {}, keyed('killed'))
    begin(await called()).write('data: 1\n\n')
    const stream = await asked
    await stream.until(() => stream.events.length === 1)
    await killed(first)
    await stream.ended()
    const joined = await post(second, target, {}, { ...keyed('killed'), 'last-event-id': stream.lastEventId })
    await joined.ended()
    expect(joined.run).toBe(stream.run)
    expect(withoutIds(joined)).toEqual([{ event: 'relay-error', data: expect.stringContaining('"reason":"expired"') }])
    expect(calls()).toHaveLength(1)
    await second.stop()
  })

  test('the relay does not repeat a call whose instance is killed before the upstream answers', async () => {
    const [first, second] = await Promise.all([start(), start()])
    const { target, calls, first: called } = silent()
    const asked = post(first, target, {}, keyed('early')).catch(() => {})
    await called()
    const waits = post(second, target, {}, keyed('early'))
    await killed(first)
    await asked
    const streams = [await waits, await post(second, target, {}, keyed('early'))]
    for (const stream of streams) {
      await stream.ended()
      expect(withoutIds(stream)).toEqual([
        { event: 'relay-error', data: expect.stringContaining('"reason":"expired"') },
      ])
    }
    expect(calls()).toHaveLength(1)
    await second.stop()
  })

  test('a key is free if its instance is killed after it takes the key and before it calls the upstream', async () => {
    const second = await start()
    const { target, calls, first: called } = silent()
    // Recreates what such an instance leaves in Redis: the key names a run, and its log holds only the run's start.
    const asked = post(second, target, {}, keyed('between'))
    const call = await called()
    const log = new Redis(redis.url)
    begin(call).end('data: 1\n\n')
    const stream = await asked
    await stream.ended()
    const id = stream.run.split('/').at(-1)
    const [name = ''] = await log.keys(`*run/${id}/*:log`)
    for (const [entry] of (await log.xrange(name, '-', '+')).slice(2)) await log.xdel(name, entry)
    log.disconnect()
    const again = post(second, target, {}, keyed('between'))
    await upstream.until(() => calls().length === 2)
    begin(calls()[1] as Call).end('data: 2\n\n')
    const other = await again
    await other.ended()
    expect(data(other)).toEqual(['2'])
    await second.stop()
  })

  test('a request that waits for such a key calls the upstream itself once the run’s lease ends', async () => {
    const server = await start({ REDIS_PREFIX: 'test' })
    const target = upstream.answers('/taken', call => begin(call).end('data: 1\n\n'))
    const store = await readyStoreAt({ kind: 'single', url: redis.url })
    const broker = store.broker({ historyLength: 100, historyTtlMs: 60_000, leaseMs: 1_500, graceMs: 1_000 })
    // Writes what a killed instance leaves in Redis: the run has begun, and the key names it.
    const [run, headers] = ['r'.repeat(21), keyed('taken')]
    await broker.publish(topicOf(run, undefined), [{ key: 'run', value: begun, seq: 0 }])
    const input = relaySchema.parse({ targetUrl: target })
    const use = keyUseOf({ headers } as never, 'from 127.0.0.1', undefined, input)
    if (!use) throw new Error('There is no key.')
    expect(await new IdempotencyKeys({ claims: broker, runs: broker }).take(use, run, 1)).toBe(true)
    const streams = await Promise.all([post(server, target, {}, headers), post(server, target, {}, headers)])
    for (const stream of streams) await stream.ended()
    expect(streams.map(data)).toEqual([['1'], ['1']])
    expect(upstream.of('/taken')).toHaveLength(1)
    store.close()
    await server.stop()
  })

  test('the relay calls the upstream at most once per key while both instances get many POSTs and one is killed', async () => {
    const [first, second] = await Promise.all([start(), start()])
    const path = `/storm/${paths++}`
    const target = upstream.answers(path, call => begin(call).end(`data: ${call.headers['x-key']}\n\n`))
    const ask = async (server: TestServer, key: string) => {
      const stream = await post(server, target, { header: { 'x-key': key } }, keyed(key))
      await stream.ended()
      return stream
    }
    const names = Array.from({ length: 40 }, (_, i) => `storm-${i}`)
    const asked = names.flatMap((key, i) => {
      if (i === 20) void killed(first)
      return [first, second, first, second].map(server => ask(server, key).catch(() => undefined))
    })
    await Promise.all(asked)
    const again = await Promise.all(names.map(key => ask(second, key)))
    for (const [i, stream] of again.entries()) {
      if (stream.status !== 503)
        expect([names[i], '{"reason":"expired"']).toContain(stream.events[0]?.data.slice(0, 19).replace(',', ''))
    }
    const counts = names.map(key => upstream.of(path).filter(({ headers }) => headers['x-key'] === key).length)
    expect(Math.max(...counts)).toBe(1)
    await second.stop()
  }, 60_000)
})

describe('with keys and a rate limit,', () => {
  const rated = async (env: Record<string, string>, run: (server: TestServer) => Promise<void>) => {
    const server = await startServer(relaying(upstream, env))
    await run(server)
    await server.stop()
  }
  const answering = () => upstream.answers(`/rated/${paths++}`, call => begin(call).end('data: 1\n\n'))

  test('a POST that joins a run does not count towards RELAY_RATE, also among concurrent POSTs', async () => {
    await rated({ RELAY_RATE: '1' }, async server => {
      const target = answering()
      const all = await Promise.all(Array.from({ length: 10 }, () => post(server, target, {}, keyed('a'))))
      for (const stream of all) await stream.ended()
      expect(all.map(({ status }) => status)).toEqual(all.map(() => 200))
      expect((await post(server, target, {}, keyed('a'))).status).toBe(200)
      const other = await send(server.port, 'POST', '/forward-sse', {
        json: { targetUrl: target },
        headers: keyed('b'),
      })
      expectProblem(other, 429)
      expect(Number(other.headers['retry-after'])).toBeGreaterThan(0)
      expect(upstream.of(new URL(target).pathname)).toHaveLength(1)
    })
  })

  test('a key belongs to the subject of the token', async () => {
    await rated({ AUTH_SECRET: secret }, async server => {
      const target = answering()
      const ask = async (sub: string) => {
        const token = await sign({ sub, scope: 'relay', exp: nowSeconds() + 60 })
        const stream = await post(server, target, {}, { ...keyed('shared'), authorization: `Bearer ${token}` })
        await stream.ended()
        return stream.run
      }
      const runs = [await ask('alice'), await ask('bob'), await ask('alice')]
      expect(runs[2]).toBe(runs[0])
      expect(runs[1]).not.toBe(runs[0])
    })
  })

  test('without tokens, key and rate belong to the client address, also a private one behind a trusted proxy', async () => {
    await rated({ TRUST_PROXY: '1', RELAY_RATE: '1' }, async server => {
      const target = answering()
      const ask = (address: string, key?: string) =>
        post(server, target, {}, { 'x-forwarded-for': address, ...(key !== undefined && keyed(key)) })
      const [first, second, again] = [
        await ask('10.0.0.1', 'k'),
        await ask('10.0.0.2', 'k'),
        await ask('10.0.0.1', 'k'),
      ]
      for (const stream of [first, second, again]) await stream.ended()
      expect(again.run).toBe(first.run)
      expect(second.run).not.toBe(first.run)
      expect((await ask('10.0.0.1')).status).toBe(429)
      expect((await ask('192.168.7.7')).status).toBe(200)
      expect((await ask('fd00::1')).status).toBe(200)
      expect((await ask('fd00::2')).status).toBe(200)
    })
  })

  test('a request over the rate frees its key', async () => {
    await rated({ RELAY_RATE: '1' }, async server => {
      const target = answering()
      await (await post(server, target)).ended()
      for (let i = 0; i < 3; i++) expect((await post(server, target, {}, keyed('over'))).status).toBe(429)
      expect(upstream.of(new URL(target).pathname)).toHaveLength(1)
    })
  })
})
