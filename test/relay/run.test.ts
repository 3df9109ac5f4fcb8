/** The life cycle of a run: start, readers, end, and requests that the relay refuses. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { EventSource } from 'eventsource'
import { logged } from '../support/log.ts'
import { key, post, readProblem, relaying, resume, withoutIds } from '../support/relays.ts'
import { expectProblem, send } from '../support/requests.ts'
import { type Store, stores, untilReady, useRedis } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { begin, type Call, Upstream } from '../support/upstream.ts'
import { waitFor } from '../support/wait-for.ts'

const unknownRun = `/forward-sse/${'x'.repeat(21)}`

describe.each(stores)('a run, over %s', (store: Store) => {
  const redis = store === 'redis' ? useRedis() : undefined
  let upstream: Upstream
  let server: TestServer
  let paths = 0
  beforeAll(async () => {
    upstream = await new Upstream().listen()
    const env = {
      HEARTBEAT_MS: '100',
      RELAY_IDLE_MS: '600',
      RELAY_MAX_BYTES: '20000',
      ...(redis && { REDIS_URL: redis.url }),
    }
    server = await startServer(relaying(upstream, env))
    await untilReady(server, true)
  })
  afterAll(async () => {
    await server?.stop()
    await upstream?.close()
  })

  /** Starts a run whose upstream's answer the test writes. */
  const held = async (parts: object = {}) => {
    const path = `/held/${paths++}`
    const target = upstream.answers(path, begin)
    const stream = await post(server, target, parts)
    const [call] = upstream.of(path) as [Call]
    return { path, stream, call, write: (text: string) => call.response.write(text), end: () => call.response.end() }
  }

  test('starts with the headers of an event stream and a Location', async () => {
    const { stream, write, end } = await held()
    write('data: a\n\n')
    await stream.until(() => stream.events.length === 1)
    expect(stream.status).toBe(200)
    expect(stream.headers.get('content-type')).toBe('text/event-stream')
    expect(stream.headers.get('cache-control')).toBe('no-cache, no-transform')
    expect(stream.headers.get('x-accel-buffering')).toBe('no')
    expect(stream.run).toMatch(/^\/forward-sse\/[\w-]{21}$/)
    expect(stream.text).toMatch(/^retry: \d{4}\n(:\n)*id: \d+-\d+\ndata: a\n\n(:\n)*$/)
    end()
    await stream.ended()
  })

  test('sends heartbeats while the upstream is idle', async () => {
    const { stream, end } = await held()
    await stream.until(() => stream.text.endsWith(':\n:\n'))
    end()
    await stream.ended()
    expect(stream.events).toEqual([])
  })

  test('delivers every event to several readers, including one that reconnects', async () => {
    const { path, stream, write, end } = await held()
    write('data: 1\n\n')
    await stream.until(() => stream.events.length === 1)
    const { lastEventId } = stream
    stream.close()
    const readers = [await resume(server, stream.run), await resume(server, stream.run, lastEventId)]
    write('event: e\ndata: 2\ndata: 3\n\n')
    for (const reader of readers) await reader.until(() => reader.events.at(-1)?.event === 'e')
    readers.push(await resume(server, stream.run))
    end()
    for (const reader of readers) await reader.ended()
    const all = [
      { event: undefined, data: '1' },
      { event: 'e', data: '2\n3' },
    ]
    expect(readers.map(withoutIds)).toEqual([all, all.slice(1), all])
    expect(upstream.of(path)).toHaveLength(1)
  })

  test('is delivered completely to a late EventSource, whose reconnect is answered 204', async () => {
    const { stream, write, end } = await held()
    write('data: 1\n\ndata: 2\n\n')
    end()
    await stream.ended()
    const source = new EventSource(server.url + stream.run)
    const seen: string[] = []
    source.onmessage = ({ data }) => seen.push(data)
    await new Promise<void>(resolve => {
      source.onerror = () => source.readyState === EventSource.CLOSED && resolve()
    })
    expect(seen).toEqual(['1', '2'])
    const answer = await send(server.port, 'GET', stream.run, { headers: { 'last-event-id': stream.lastEventId } })
    expect(answer.status).toBe(204)
  })

  test('without events responds 204 after its end', async () => {
    const { stream, end } = await held()
    end()
    await stream.ended()
    expect((await send(server.port, 'GET', stream.run)).status).toBe(204)
  })

  test('is replayed from its start for an unknown Last-Event-ID', async () => {
    const { stream, write, end } = await held()
    write('data: 1\n\n')
    end()
    await stream.ended()
    for (const id of ['nonsense', '99999999999999-1', '1-1']) {
      const reader = await resume(server, stream.run, id)
      await reader.ended()
      expect(withoutIds(reader)).toEqual([{ event: undefined, data: '1' }])
    }
  })

  test('is stopped by DELETE, which closes the upstream call and ends the readers', async () => {
    const { stream, call, write } = await held()
    write('data: 1\n\n')
    await stream.until(() => stream.events.length === 1)
    expect((await send(server.port, 'DELETE', stream.run)).status).toBe(204)
    await stream.ended()
    await upstream.until(() => call.closedAt !== undefined)
    expect(withoutIds(stream)).toEqual([{ event: undefined, data: '1' }])
    expect((await send(server.port, 'DELETE', stream.run)).status).toBe(204)
    expect(
      (await send(server.port, 'GET', stream.run, { headers: { 'last-event-id': stream.lastEventId } })).status,
    ).toBe(204)
  })

  test.each([
    ['breaks off', 'broken', ({ response }: Call) => response.destroy()],
    ['sends nothing more', 'silent', () => {}],
    ['sends a line that is too long', 'too-long', ({ response }: Call) => response.write('x'.repeat(30_000))],
    [
      'sends more bytes than RELAY_MAX_BYTES',
      'too-long',
      ({ response }: Call) => response.write(`data: ${'x'.repeat(900)}\n\n`.repeat(30)),
    ],
    ['sends too many short events', 'too-long', ({ response }: Call) => response.write('data\n\n'.repeat(1_000))],
  ])('whose upstream %s ends with a relay-error, also for late readers', async (_, reason, fail) => {
    const { stream, call, write } = await held()
    write('data: 1\n\n')
    await stream.until(() => stream.events.length === 1)
    fail(call)
    await stream.ended()
    await upstream.until(() => call.closedAt !== undefined)
    const last = stream.events.at(-1)
    expect(last?.event).toBe('relay-error')
    expect(JSON.parse(last?.data ?? '')).toEqual({ reason, detail: expect.any(String) })
    expect(stream.events[0]?.data).toBe('1')
    const late = await resume(server, stream.run)
    await late.ended()
    expect(late.events).toEqual(stream.events)
    const answer = await send(server.port, 'GET', stream.run, { headers: { 'last-event-id': stream.lastEventId } })
    expect(answer.status).toBe(204)
  })

  test('whose upstream breaks off right after the start delivers every event', async () => {
    for (let i = 0; i < 50; i++) {
      const path = `/brief/${i}`
      const target = upstream.answers(path, call => {
        const response = begin(call)
        response.write('data: 1\n\n', () => response.write('data: 2\n\n', () => response.destroy()))
      })
      const stream = await post(server, target)
      await stream.ended()
      expect(stream.events.map(({ event, data }) => event ?? data)).toEqual(['1', '2', 'relay-error'])
    }
  })

  test('responds 404 for an unknown id and 405 for an unsupported method', async () => {
    for (const path of [unknownRun, '/forward-sse/x', '/forward-sse/..%2f', '/forward-sse/lobby']) {
      expectProblem(await send(server.port, 'GET', path), 404)
      expectProblem(await send(server.port, 'DELETE', path), 404)
    }
    for (const [method, path] of [
      ['GET', '/forward-sse'],
      ['POST', unknownRun],
      ['HEAD', unknownRun],
      ['PUT', '/forward-sse'],
    ] as const) {
      const answer = await send(server.port, method, path)
      expect(answer.status).toBe(405)
      expect(answer.headers.allow).toBeDefined()
    }
  })

  test('does not start unless the upstream answers with an event stream, and the 502 quotes the answer', async () => {
    const cases: [string, (call: Call) => void, { status: number; body: string }][] = [
      [
        '429',
        ({ response }) => response.writeHead(429, { 'content-type': 'application/json' }).end('{"error":"slow down"}'),
        { status: 429, body: '{"error":"slow down"}' },
      ],
      [
        'html',
        ({ response }) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Hello</p>'),
        { status: 200, body: '<p>Hello</p>' },
      ],
      [
        'redirect',
        ({ response }) => response.writeHead(307, { location: '/elsewhere' }).end(),
        { status: 307, body: '' },
      ],
      ['empty', ({ response }) => response.writeHead(204).end(), { status: 204, body: '' }],
      ['drop', ({ response }) => response.destroy(), { status: 0, body: 'ECONNRESET' }],
      ['silence', () => {}, { status: 0, body: 'No answer within 0.6 s (RELAY_IDLE_MS).' }],
      [
        'similar',
        ({ response }) => response.writeHead(200, { 'content-type': 'text/event-streams' }).end('x'),
        { status: 200, body: 'x' },
      ],
      [
        'zipped',
        ({ response }) =>
          response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' }).end('z'),
        { status: 200, body: 'z' },
      ],
      [
        'long',
        ({ response }) => response.writeHead(500, { 'content-type': 'text/plain' }).end('€'.repeat(5_000)),
        { status: 500, body: '€'.repeat(682) },
      ],
      [
        'broken',
        ({ response }) =>
          void response.writeHead(500, { 'content-length': '100' }).write('half', () => response.destroy()),
        { status: 500, body: 'half' },
      ],
    ]
    for (const [name, answer, expected] of cases) {
      const stream = await post(server, upstream.answers(`/refuses/${name}`, answer))
      expect(stream.headers.get('location')).toBeNull()
      expect(stream.headers.get('content-type')).toBe('application/problem+json')
      expect(await readProblem(stream)).toMatchObject({ status: 502, detail: expect.any(String), upstream: expected })
      expect(upstream.of(`/refuses/${name}`)).toHaveLength(1)
    }
    expect(upstream.of('/elsewhere')).toEqual([])
  })

  test('calls the upstream with the requested method, body and allowed headers only', async () => {
    const { call, end, stream } = await held({
      method: 'put',
      header: JSON.stringify({
        'X-Mine': 'yes',
        Authorization: 'Bearer mine',
        'X-TEAM': 'mine',
        Cookie: 'a=b',
        Host: 'evil',
        Connection: 'x-hop',
        'X-Hop': '1',
        TE: 'trailers',
        'Transfer-Encoding': 'chunked',
        'Accept-Encoding': 'gzip',
        'Content-Length': '3',
        Expect: '100-continue',
      }),
      body: '{"model": "ü"}',
    })
    end()
    await stream.ended()
    expect({ method: call.method, body: call.body, headers: call.headers }).toEqual({
      method: 'PUT',
      body: '{"model": "ü"}',
      headers: {
        'x-mine': 'yes',
        authorization: `Bearer ${key}`,
        'x-team': 'colocate',
        accept: 'text/event-stream',
        'accept-encoding': 'identity',
        'content-type': 'application/json',
        'content-length': '15',
        host: `127.0.0.1:${upstream.port}`,
        connection: 'close',
      },
    })
  })

  test('does not start for an invalid body, a URL outside the list, or a foreign Origin', async () => {
    const target = upstream.answers('/valid', begin)
    const requests: [number, unknown, Record<string, string>?][] = [
      [400, {}],
      [400, { targetUrl: 7 }],
      [400, { targetUrl: target, method: 'brew' }],
      [400, { targetUrl: target, header: 'no' }],
      [400, { targetUrl: target, header: { 'a b': 'c' } }],
      [400, { targetUrl: target, header: { a: 'b\nc: d' } }],
      [400, { targetUrl: target, body: 'no' }],
      [400, { targetUrl: target, body: 7 }],
      [403, { targetUrl: 'https://example.org/' }],
      [403, { targetUrl: `${target}/../valid` }],
      [403, { targetUrl: target }, { origin: 'https://example.org' }],
      [413, { targetUrl: target, body: { text: 'x'.repeat(1024 * 1024) } }],
    ]
    for (const [status, json, headers = {}] of requests) {
      expectProblem(await send(server.port, 'POST', '/forward-sse', { json, headers }), status)
    }
    expect(upstream.of('/valid')).toEqual([])
  })

  test('can be requested with a body of one megabyte', async () => {
    const text = 'x'.repeat(1024 * 1024 - 11)
    const { call, end, stream } = await held({ body: { text } })
    end()
    await stream.ended()
    expect(call.body.length).toBe(1024 * 1024)
  })

  test('can be requested with a body as a string, with or without escaped characters', async () => {
    const text = JSON.stringify({ text: '語'.repeat(300_000) })
    const bytes = (target: string) => JSON.stringify({ targetUrl: target, body: text }).replace(/語/g, '\\u8a9e')
    const path = `/held/${paths++}`
    const answer = send(server.port, 'POST', '/forward-sse', {
      bytes: bytes(upstream.answers(path, call => begin(call).end())),
    })
    expect((await answer).status).toBe(200)
    expect(upstream.of(path)[0]?.body.toString()).toBe(text)
  })

  test('is logged at its end, without its id', async () => {
    const { stream, end } = await held()
    end()
    await stream.ended()
    await logged(server, ({ msg, cause }) => msg === 'run ended' && cause === 'done')
    expect(JSON.stringify(server.log)).not.toContain(stream.run.slice('/forward-sse/'.length))
  })
})

describe.each(stores)('a run that has ended, over %s', (store: Store) => {
  const redis = store === 'redis' ? useRedis() : undefined

  test('is kept for HISTORY_TTL_MS, not for RELAY_GRACE_MS', async () => {
    const upstream = await new Upstream().listen()
    const env = { HISTORY_TTL_MS: '1000', RELAY_GRACE_MS: '600000', ...(redis && { REDIS_URL: redis.url }) }
    const server = await startServer(relaying(upstream, env))
    await untilReady(server, true)
    const target = upstream.answers('/over', call => begin(call).end('data: 1\n\n'))
    const stream = await post(server, target)
    await stream.ended()
    const read = await resume(server, stream.run)
    await read.ended()
    expect(read.text).toContain('data: 1')
    await waitFor('the run has expired', async () => {
      const answer = await send(server.port, 'DELETE', stream.run)
      return answer.status === 404
    })
    await server.stop()
    await upstream.close()
  })
})

describe('a server', () => {
  test('without RELAY_UPSTREAMS relays only its own demonstration', async () => {
    const server = await startServer()
    const answer = await send(server.port, 'POST', '/forward-sse', { json: { targetUrl: 'https://example.org/' } })
    expectProblem(answer, 404)
    expectProblem(await send(server.port, 'GET', unknownRun), 404)
    const { targetUrl } = JSON.parse((await send(server.port, 'GET', '/demonstration')).text)
    const stream = await post(server, targetUrl, { body: { messages: [{ content: 'Hello' }] } })
    await stream.until(() => stream.events.length > 2)
    expect(stream.events[2]?.data).toBe('{"choices":[{"delta":{"content":"“Hello”\\n\\n"}}]}')
    await server.stop()
    await stream.ended()
  })

  test('answers 429 with Retry-After above RELAY_RATE runs per minute', async () => {
    const upstream = await new Upstream().listen()
    const server = await startServer(relaying(upstream, { RELAY_RATE: '2' }))
    const target = upstream.answers('/rated', call => begin(call).end())
    const answers = []
    for (let i = 0; i < 3; i++)
      answers.push(await send(server.port, 'POST', '/forward-sse', { json: { targetUrl: target } }))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429])
    expectProblem(answers[2] as (typeof answers)[0], 429)
    expect(Number(answers[2]?.headers['retry-after'])).toBeGreaterThan(0)
    expect(upstream.of('/rated')).toHaveLength(2)
    await server.stop()
    await upstream.close()
  })

  test('delivers every event to a slow reader without delaying other readers', async () => {
    const upstream = await new Upstream().listen()
    const server = await startServer(relaying(upstream))
    const block = `data: ${'x'.repeat(60_000)}\n\n`
    const target = upstream.answers('/much', call => begin(call).end(block.repeat(60)))
    const poster = await post(server, target)
    const slow = await fetch(server.url + poster.run)
    await poster.ended()
    expect(poster.events).toHaveLength(60)
    const quick = await resume(server, poster.run)
    await quick.ended()
    expect(quick.events).toEqual(poster.events)
    expect((await slow.text()).match(/^data: x{60000}$/gm)).toHaveLength(60)
    await server.stop()
    await upstream.close()
  })
})
