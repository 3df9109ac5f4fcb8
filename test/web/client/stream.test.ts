/** `openStream` over real HTTP: what it asks again, what it never asks twice, and how it ends. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { FatalError, openStream, RetriableError, type StreamOptions } from '../../../web/client/stream.ts'
import { startServer, type TestServer } from '../../support/server.ts'

type Answer = (res: ServerResponse, req: IncomingMessage) => void

interface Call {
  method: string
  path: string
  lastEventId: string | undefined
  body: string
  authorization: string | undefined
}

/** A server that gives these answers, one after another. */
async function serve(...answers: Answer[]) {
  const calls: Call[] = []
  const server = createServer(async (req, res) => {
    let body = ''
    for await (const chunk of req.setEncoding('utf8')) body += chunk
    const lastEventId = req.headers['last-event-id']?.toString()
    const { authorization } = req.headers
    calls.push({ method: req.method ?? '', path: req.url ?? '', lastEventId, body, authorization })
    const answer = answers.shift() ?? ((res: ServerResponse) => res.writeHead(204).end())
    answer(res, req)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stops.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`, calls }
}

const stops: (() => void)[] = []
let real: TestServer

beforeAll(async () => {
  real = await startServer()
})
afterAll(async () => {
  for (const stop of stops) stop()
  await real.stop()
})

const head = { 'content-type': 'text/event-stream' }
const whole =
  (text: string, headers = {}): Answer =>
  res =>
    void res.writeHead(200, { ...head, ...headers }).end(text)
const broken =
  (text: string, headers = {}): Answer =>
  res => {
    res.writeHead(200, { ...head, ...headers })
    res.write(text)
    setTimeout(() => res.destroy(), 20)
  }
const status =
  (status: number, headers = {}): Answer =>
  res =>
    void res.writeHead(status, headers).end()

async function read(url: string, options: StreamOptions = {}): Promise<string[]> {
  const read: string[] = []
  for await (const { event, data, id } of openStream(url, options)) read.push(`${event}|${data}|${id}`)
  return read
}

test.concurrent('a GET comes back with its last id, after the time that the server asks for, until 204', async () => {
  const { url, calls } = await serve(
    whole('retry: 10\nid: 1\ndata: a\n\n'),
    broken('id: 2\nevent: e\ndata: b\n\nid: 3\nda'),
  )
  expect(await read(url)).toEqual(['message|a|1', 'e|b|2'])
  expect(calls.map(({ lastEventId }) => lastEventId)).toEqual([undefined, '1', '2'])
})

test.concurrent('a GET is asked again after 503, 429 and 408', async () => {
  const { url, calls } = await serve(
    whole('retry: 10\nid: 1\ndata: a\n\n'),
    status(503, { 'retry-after': '1' }),
    status(408),
    whole('data: b\n\n'),
  )
  const errors: (string | undefined)[] = []
  expect(await read(url, { onRetry: error => errors.push(error?.name) })).toEqual(['message|a|1', 'message|b|1'])
  expect(errors).toEqual([undefined, 'RetriableError', 'RetriableError', undefined])
  expect(calls).toHaveLength(5)
}, 30_000)

test.concurrent.each([400, 401, 403, 404, 410])('%i is fatal, and is not asked again', async code => {
  const { url, calls } = await serve(status(code))
  await expect(read(url)).rejects.toThrow(FatalError)
  expect(calls).toHaveLength(1)
})

test.concurrent('a wrong content type is fatal', async () => {
  const { url } = await serve(res => res.writeHead(200, { 'content-type': 'text/html' }).end('<p>'))
  await expect(read(url)).rejects.toThrow(FatalError)
})

test.concurrent('a POST sends its body once; an end in order is the end', async () => {
  const { url, calls } = await serve(whole('id: 1\ndata: a\n\nid: 2\ndata: last, without its blank line'))
  const options = { body: { question: 'why?' }, token: 'secret', headers: { 'x-model': 'm' } }
  expect(await read(url, options)).toEqual(['message|a|1', 'message|last, without its blank line|2'])
  expect(calls).toEqual([
    {
      method: 'POST',
      path: '/events',
      lastEventId: undefined,
      body: '{"question":"why?"}',
      authorization: 'Bearer secret',
    },
  ])
})

test.concurrent.each<[string, Answer]>([
  ['breaks off', broken('data: a\n\ndata: b\n')],
  ['is answered 503', status(503)],
  ['gets no answer', res => res.destroy()],
])('a POST that %s ends with a RetriableError, and is not sent twice', async (_name, answer) => {
  const { url, calls } = await serve(answer)
  await expect(read(url, { body: {} })).rejects.toThrow(RetriableError)
  expect(calls).toHaveLength(1)
})

test.concurrent('a POST that breaks off is resumed by GET where the answer has a Location', async () => {
  const { url, calls } = await serve(
    broken('retry: 10\nid: 1\ndata: a\n\n', { location: 'run/7' }),
    broken('id: 2\ndata: b\n\n'),
    whole('id: 3\ndata: c\n\n'),
  )
  expect(await read(url, { body: {} })).toEqual(['message|a|1', 'message|b|2', 'message|c|3'])
  expect(calls.map(({ method, path, lastEventId }) => `${method} ${path} ${lastEventId}`)).toEqual([
    'POST /events undefined',
    'GET /run/7 1',
    'GET /run/7 2',
    'GET /run/7 3',
  ])
})

test.concurrent('a POST that ends in order is over, also when its Location knows nothing', async () => {
  const { url } = await serve(whole('id: 1\ndata: a\n\n', { location: 'run/7' }), status(404))
  expect(await read(url, { body: {} })).toEqual(['message|a|1'])
})

test.concurrent('onOpen decides: what it throws ends a POST, and a RetriableError lets a GET come back', async () => {
  const { url } = await serve(whole('retry: 10\ndata: a\n\n'), status(418), whole('data: b\n\n'))
  const seen: number[] = []
  const onOpen = (response: Response) => {
    seen.push(response.status)
    if (response.status === 418) throw new RetriableError('A teapot cools down.')
  }
  expect(await read(url, { onOpen })).toEqual(['message|a|', 'message|b|'])
  expect(seen).toEqual([200, 418, 200])
  const fatal = await serve(whole('data: a\n\n'))
  const refuse = () => {
    throw new FatalError('No.')
  }
  await expect(read(fatal.url, { onOpen: refuse })).rejects.toThrow('No.')
})

test.concurrent('aborting rejects with an AbortError, in an answer and in a wait', async () => {
  const hanging = await serve(res => {
    res.writeHead(200, head)
    res.write('data: a\n\n')
  })
  const waiting = await serve(whole('retry: 60000\ndata: a\n\n'))
  for (const { url } of [hanging, waiting]) {
    const ending = new AbortController()
    const events = openStream(url, { signal: ending.signal, onRetry: () => ending.abort() })
    expect(await events.next()).toMatchObject({ value: { data: 'a' } })
    const next = events.next()
    if (url === hanging.url) ending.abort()
    await expect(next).rejects.toMatchObject({ name: 'AbortError' })
  }
  const aborted = openStream(hanging.url, { signal: AbortSignal.abort() })
  await expect(aborted.next()).rejects.toMatchObject({ name: 'AbortError' })
})

test.concurrent('leaving the loop closes the connection', async () => {
  let close = () => {}
  const closed = new Promise<void>(resolve => {
    close = resolve
  })
  const { url } = await serve((res, req) => {
    req.socket.on('close', close)
    res.writeHead(200, head)
    res.write('data: a\n\n')
  })
  for await (const { data } of openStream(url)) {
    expect(data).toBe('a')
    break
  }
  await closed
})

test.concurrent('the first request resumes after lastEventId, which travels as UTF-8', async () => {
  const { url, calls } = await serve()
  expect(await read(url, { lastEventId: 'ü' })).toEqual([])
  expect(Buffer.from(calls[0]?.lastEventId ?? '', 'latin1').toString()).toBe('ü')
})

test.concurrent('a URL that can not be parsed is a TypeError, not a network that fails', async () => {
  await expect(read('/events')).rejects.toMatchObject({ name: 'TypeError' })
})

test.concurrent.each([{}, { body: { interval: 10, count: 5 } }])(
  'ticks are read to their end (%o)',
  async options => {
    const query = 'body' in options ? '' : '?interval=10&count=5'
    const read5 = await read(`${real.url}/sse${query}`, options)
    expect(read5).toHaveLength(5)
    expect(read5[4]).toBe('message|Hello, this is message number 5|5')
  },
  30_000,
)

test.concurrent('the relay is read through a run that another request stopped', async () => {
  const { targetUrl } = (await (await fetch(`${real.url}/demonstration`)).json()) as { targetUrl: string }
  const body = { targetUrl, body: { messages: [{ role: 'user', content: 'hello' }], stream: true } }
  let run = ''
  const data: string[] = []
  const onOpen = (response: Response) => {
    run = new URL(response.headers.get('location') ?? run, response.url).href
  }
  for await (const event of openStream(`${real.url}/forward-sse`, { body, onOpen })) {
    data.push(event.data)
    if (data.length === 3) await fetch(run, { method: 'DELETE' })
  }
  expect(data.length).toBeGreaterThanOrEqual(3)
  expect(data).not.toContain('[DONE]')
}, 30_000)
