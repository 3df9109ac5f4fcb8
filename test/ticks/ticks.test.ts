/** `/sse`: the ticks, a stream that ends after `count` messages. */
import { describe, expect, test } from '@jest/globals'
import { expectProblem, send } from '../support/requests.ts'
import { useServer } from '../support/rooms.ts'
import { openStream } from '../support/streams.ts'

const message = (n: number) => ({ event: 'message', data: `Hello, this is message number ${n}`, id: `${n}` })
const from = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => message(first + i))

describe('the ticks', () => {
  const server = useServer('memory')

  const ticks = async (query: string, headers: Record<string, string> = {}) => {
    const stream = await openStream(`${server.url}/sse${query}`, { headers })
    await stream.ended()
    return stream
  }
  const byPost = async (body: unknown, headers: Record<string, string> = {}) => {
    const stream = await openStream(`${server.url}/sse`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
    await stream.ended()
    return stream
  }

  test('are numbered from 1 to the requested count, and then the stream ends', async () => {
    const stream = await ticks('?interval=10&count=3')
    expect(stream.status).toBe(200)
    expect(stream.headers.get('content-type')).toBe('text/event-stream')
    expect(stream.headers.get('cache-control')).toBe('no-cache, no-transform')
    expect(stream.headers.get('x-accel-buffering')).toBe('no')
    expect(stream.events).toEqual(from(1, 3))
  })

  test('arrive one at a time, not all at the end', async () => {
    const stream = await openStream(`${server.url}/sse?interval=10000`)
    await stream.until(() => stream.events.length === 1)
    expect(stream.isEnded).toBe(false)
    stream.close()
  })

  test('are ten by default', async () => {
    expect((await ticks('?interval=10')).events).toEqual(from(1, 10))
    expect((await byPost({ interval: 10 })).events).toEqual(from(1, 10))
  })

  test('arrive every second by default', async () => {
    const startedAt = performance.now()
    const stream = await ticks('?count=2')
    expect(stream.events).toEqual(from(1, 2))
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(950)
  })

  test.each([
    ['1', '2', '10', from(2, 2)],
    ['1', '5', '10', from(2, 5)],
    ['99', '100', '10', from(100, 100)],
    ['0', '2', '10', from(1, 2)],
    ['', '2', '10', from(1, 2)],
  ])('continue after the last event id %p of %s', async (lastEventId, count, interval, expected) => {
    const query = `?interval=${interval}&count=${count}`
    expect((await ticks(query, { 'last-event-id': lastEventId })).events).toEqual(expected)
    const parts = { interval: Number(interval), count: Number(count) }
    expect((await byPost(parts, { 'last-event-id': lastEventId })).events).toEqual(expected)
  })

  test.each(['2', '3', '100', '1000', '9'.repeat(400)])(
    'are answered 204 after the last event id %s of 2, so that a browser does not reconnect',
    async lastEventId => {
      const headers = { 'last-event-id': lastEventId }
      for (const answer of [
        await send(server.port, 'GET', '/sse?count=2', { headers }),
        await send(server.port, 'POST', '/sse', { json: { count: 2 }, headers }),
      ])
        expect({ status: answer.status, text: answer.text }).toEqual({ status: 204, text: '' })
    },
  )

  test('accept the same fields by POST as in the query, and ignore unknown ones', async () => {
    expect((await byPost({ interval: 10, count: 2, other: [1] })).events).toEqual(from(1, 2))
    expect((await ticks('?interval=10&count=2&other=1')).events).toEqual(from(1, 2))
  })

  test('accept the minimum and the maximum of each field', async () => {
    expect((await ticks('?interval=10&count=1')).events).toEqual(from(1, 1))
    expect((await ticks('?interval=10000&count=1')).events).toEqual(from(1, 1))
    expect((await ticks('?interval=10&count=100')).events).toEqual(from(1, 100))
  })

  test.each([
    'interval=9',
    'interval=10001',
    'interval=0',
    'interval=-10',
    'interval=10.5',
    'interval=1e3',
    'interval=0x10',
    'interval=',
    'interval=fast',
    `interval=${'9'.repeat(400)}`,
    'count=0',
    'count=101',
    'count=-1',
    'count=1.5',
    'count=NaN',
    'count=',
  ])('are refused for ?%s', async query => {
    const answer = await send(server.port, 'GET', `/sse?${query}`)
    expectProblem(answer, 400)
    expect(answer.body.errors?.map(({ path }) => path)).toEqual([query.split('=')[0]])
  })

  test.each([
    '{"interval":9}',
    '{"interval":10001}',
    '{"interval":1e400}',
    '{"interval":null}',
    '{"interval":[10]}',
    '{"count":0}',
    '{"count":101}',
    '{"count":1.5}',
    '{"count":true}',
    'null',
    '[]',
    '1',
    '',
    'x',
  ])('are refused for the body %s', async bytes => {
    expectProblem(await send(server.port, 'POST', '/sse', { bytes }), 400)
  })

  test('may be left by the reader, and the server keeps running', async () => {
    const stream = await openStream(`${server.url}/sse?interval=10&count=100`)
    await stream.until(() => stream.events.length === 1)
    stream.close()
    await stream.ended()
    expect((await send(server.port, 'GET', '/healthz')).status).toBe(200)
  })
})
