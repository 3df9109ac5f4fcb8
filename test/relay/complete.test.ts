/** Real clients can distinguish a complete answer from one that breaks off, also when the server is killed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { EventSource } from 'eventsource'
import { createColocate } from '../../server/index.ts'
import { post, relaying } from '../support/relays.ts'
import { send } from '../support/requests.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { openStream } from '../support/streams.ts'
import { nowSeconds, secret, sign } from '../support/tokens.ts'
import { begin, type Call, Upstream } from '../support/upstream.ts'
import { waitFor } from '../support/wait-for.ts'

let upstream: Upstream
let paths = 0
beforeAll(async () => {
  upstream = await new Upstream().listen()
})
afterAll(() => upstream.close())

/** An upstream that sends one event. The test writes the rest of the answer. */
function held(): { target: string; call: () => Promise<Call> } {
  const path = `/held/${paths++}`
  const target = upstream.answers(path, call => begin(call).write('data: 1\n\n'))
  return {
    target,
    async call() {
      await upstream.until(() => upstream.of(path).length > 0)
      return upstream.of(path)[0] as Call
    },
  }
}

interface Client {
  /** Returns what the client has received. */
  output(): string
  /** Resolves with whether the client considers the answer complete. */
  isComplete: Promise<boolean>
}

const body = (target: string) => JSON.stringify({ targetUrl: target })
const type = 'Content-Type: application/json'

function program(child: ChildProcess): Client {
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', part => {
    output += part
  })
  return { output: () => output, isComplete: once(child, 'exit').then(([code]) => code === 0) }
}

/** Prints the answer line by line. An answer that breaks off raises an error. */
const python = `
import http.client, sys
connection = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))
connection.request('POST', '/forward-sse', sys.argv[2], {'Content-Type': 'application/json'})
response = connection.getresponse()
print(response.readline().decode(), response.readline().decode(), response.readline().decode(), flush=True)
print(response.read().decode(), flush=True)
`

const clients: Record<string, (server: TestServer, target: string) => Client> = {
  curl: ({ url }, target) => program(spawn('curl', ['-sN', `${url}/forward-sse`, '-H', type, '-d', body(target)])),
  Python: ({ port }, target) => program(spawn('python3', ['-c', python, `${port}`, body(target)])),
  fetch({ url }, target) {
    let output = ''
    const read = async () => {
      const headers = { 'content-type': 'application/json' }
      const { body: bytes } = await fetch(`${url}/forward-sse`, { method: 'POST', headers, body: body(target) })
      for await (const part of bytes ?? []) output += Buffer.from(part).toString()
    }
    return {
      output: () => output,
      isComplete: read().then(
        () => true,
        () => false,
      ),
    }
  },
}

/** Requests a run, and reads the answer up to its first event. */
async function reading(client: keyof typeof clients, server: TestServer): Promise<{ read: Client; call: Call }> {
  const { target, call } = held()
  const read = clients[client]?.(server, target) as Client
  await waitFor('the first event is read', () => read.output().includes('data: 1'))
  return { read, call: await call() }
}

describe.each(Object.keys(clients))('for %s, an answer', client => {
  test('whose run has ended is complete', async () => {
    const server = await startServer(relaying(upstream))
    for (const end of [(call: Call) => call.response.end('data: 2'), (call: Call) => call.response.destroy()]) {
      const { read, call } = await reading(client, server)
      end(call)
      expect(await read.isComplete).toBe(true)
      expect(read.output()).toMatch(/data: 2|event: relay-error/)
    }
    await server.stop()
  })

  test('whose server is killed is incomplete', async () => {
    const server = await startServer(relaying(upstream))
    const { read } = await reading(client, server)
    server.child.kill('SIGKILL')
    expect(await read.isComplete).toBe(false)
  })

  test('whose server shuts down is incomplete and ends with a retry line', async () => {
    const server = await startServer(relaying(upstream, { DRAIN_MS: '100' }))
    const { read } = await reading(client, server)
    server.child.kill('SIGTERM')
    expect(await read.isComplete).toBe(false)
    if (client !== 'Python') expect(read.output()).toMatch(/\nretry: [123]\d{3}\n$/)
  })
})

/** Sends a request over a TCP socket, and returns all bytes until the server closes the connection. */
async function raw(port: number, version: string, target: string, more = '', next = ''): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const json = body(target)
  socket.write(
    `POST /forward-sse HTTP/${version}\r\nHost: 127.0.0.1:${port}\r\n${type}\r\nContent-Length: ${json.length}\r\n${more}\r\n${json}${next}`,
  )
  return text(socket)
}

describe('an answer', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startServer(relaying(upstream))
  })
  afterAll(() => server?.stop())

  test('is chunked on HTTP/1.1, and the connection serves the next request', async () => {
    const target = upstream.answers('/whole', call => begin(call).end(`data: ${'ü'.repeat(1_000)}\n\ndata: 2\n\n`))
    const next = `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nConnection: close\r\n\r\n`
    const answers = await raw(server.port, '1.1', target, '', next)
    const [answer = '', healthz] = answers.split(/(?=HTTP\/1.1 200 OK)/)
    const [head = '', rest = ''] = answer.split(/\r\n\r\n(.*)/s)
    expect(head).toMatch(/^transfer-encoding: chunked$/im)
    expect(head).not.toMatch(/content-length|connection: close/i)
    expect(rest.endsWith('\r\n0\r\n\r\n')).toBe(true)
    expect(healthz).toMatch(/^content-type: application\/json/im)
    expect(unchunked(Buffer.from(rest))).toMatch(
      /^retry: \d{4}\nid: .+\ndata: ü{1000}\n\nid: .+\ndata: 2\n\nretry: \d{4}\n$/,
    )
  })

  test.each(['', 'TE: chunked\r\n', 'Connection: keep-alive\r\n'])(
    'is not chunked on HTTP/1.0, with %j',
    async more => {
      const target = upstream.answers('/old', call => begin(call).end('data: 1\n\n'))
      const answer = await raw(server.port, '1.0', target, more)
      const [head = '', rest = ''] = answer.split(/\r\n\r\n(.*)/s)
      expect(head).not.toMatch(/transfer-encoding|content-length|keep-alive/i)
      expect(rest).toMatch(/^retry: \d{4}\nid: .+\ndata: 1\n\nretry: \d{4}\n$/)
    },
  )

  test('with many large events reaches a late reader completely', async () => {
    const block = `data: ${'x'.repeat(50_000)}\n\n`
    const target = upstream.answers('/large', call => begin(call).end(block.repeat(60)))
    const stream = await post(server, target)
    await stream.ended()
    const late = await fetch(server.url + stream.run)
    expect((await late.text()).match(/^data: x{50000}$/gm)).toHaveLength(60)
  })

  test('on a reused connection stops counting as a stream when it ends', async () => {
    const path = '/refused'
    const target = upstream.answers(path, ({ response }) => response.writeHead(400).end())
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const headers = {
      'content-type': 'application/json',
      authorization: `Bearer ${await sign({ sub: 'alice', scope: 'relay', exp: nowSeconds() + 60 })}`,
    }
    const limited = await startServer(relaying(upstream, { AUTH_SECRET: secret }))
    const statuses = new Set<number | undefined>()
    for (let i = 0; i < 120; i++) {
      const asking = request(`${limited.url}/forward-sse`, { method: 'POST', headers, agent }).end(body(target))
      const [response] = (await once(asking, 'response')) as [IncomingMessage]
      response.resume()
      await once(response, 'end')
      statuses.add(response.statusCode)
    }
    agent.destroy()
    expect([...statuses]).toEqual([502])
    await limited.stop()
  })

  test('is complete if a DELETE ends its run', async () => {
    const stream = await post(server, held().target)
    const reader = await fetch(server.url + stream.run)
    expect((await send(server.port, 'DELETE', stream.run)).status).toBe(204)
    expect(await reader.text()).toContain('data: 1')
  })
})

function unchunked(bytes: Buffer): string {
  let found = ''
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\r\n', at)
    const length = Number.parseInt(bytes.toString('latin1', at, end), 16)
    found += bytes.toString('utf8', end + 2, end + 2 + length)
    expect(bytes.toString('latin1', end + 2 + length, end + 4 + length)).toBe('\r\n')
    at = end + 4 + length
  }
  return found
}

test('on HTTP/2, an answer is complete if and only if its run has ended', async () => {
  const relayUpstreams = JSON.stringify([{ prefix: upstream.origin }])
  const colocate = await createColocate({ relayUpstreams, streamAgeMs: 300, logger: undefined } as never)
  const server = createHttp2Server(colocate.handler as never).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const ask = async (target: string) => {
    const stream = session.request({ ':method': 'POST', ':path': '/forward-sse', 'content-type': 'application/json' })
    stream.end(body(target))
    let seen = ''
    stream.setEncoding('utf8').on('data', part => {
      seen += part
    })
    const error = await new Promise<string>(resolve => {
      stream.on('error', ({ message }) => resolve(message)).on('end', () => resolve(''))
    })
    return { seen, error }
  }
  const whole = await ask(upstream.answers('/whole-2', call => begin(call).end('data: 1')))
  expect(whole).toEqual({ seen: expect.stringContaining('data: 1'), error: '' })
  const broken = await ask(held().target)
  expect(broken.seen).toMatch(/data: 1\n\n(:\n)*retry: \d{4}\n$/)
  expect(broken.error).toContain('NGHTTP2_INTERNAL_ERROR')
  session.destroy()
  server.close()
  await colocate.close()
})

describe('a stream that ends before its run', () => {
  const ends: [string, Record<string, string>][] = [
    ['at STREAM_AGE_MS', { STREAM_AGE_MS: '300' }],
    ['at the expiry of its token', { AUTH_SECRET: secret }],
  ]
  test.each(ends)('%s breaks off after a retry line, and the client resumes after its last event', async (_, env) => {
    const server = await startServer(relaying(upstream, env))
    const { target, call } = held()
    const tokenUntil = (exp: number) => sign({ sub: 'alice', scope: 'relay', exp })
    const headers = async (seconds: number) => ({
      'content-type': 'application/json',
      ...(env.AUTH_SECRET && { authorization: `Bearer ${await tokenUntil(nowSeconds() + seconds)}` }),
    })
    const response = await fetch(`${server.url}/forward-sse`, {
      method: 'POST',
      headers: await headers(2),
      body: body(target),
    })
    let seen = ''
    const read = async () => {
      for await (const part of response.body ?? []) seen += Buffer.from(part).toString()
    }
    await expect(read()).rejects.toThrow('terminated')
    expect(seen).toMatch(/^retry: \d{4}\n.*\nretry: [123]\d{3}\n$/s)
    const { response: answer } = await call()
    answer.end('data: 2\n\n')
    const id = /id: (.+)/.exec(seen)?.[1] ?? ''
    const again = await openStream(new URL(response.headers.get('location') ?? '', response.url).href, {
      headers: { ...(await headers(60)), 'last-event-id': id },
    })
    await again.ended()
    expect(again.events.map(({ data }) => data)).toEqual(['2'])
    await server.stop()
  })

  test('at MAX_STREAMS breaks off after a retry line', async () => {
    const server = await startServer(relaying(upstream, { MAX_STREAMS: '1' }))
    const stream = await post(server, held().target)
    const response = await fetch(server.url + stream.run)
    expect(response.status).toBe(200)
    let seen = ''
    const read = async () => {
      for await (const part of response.body ?? []) seen += Buffer.from(part).toString()
    }
    await expect(read()).rejects.toThrow('terminated')
    expect(seen).toMatch(/^retry: \d{4,5}\n$/)
    await server.stop()
  })

  test('is resumed by an EventSource, which closes when the run ends', async () => {
    const server = await startServer(relaying(upstream, { STREAM_AGE_MS: '300' }))
    const { target, call } = held()
    const stream = await post(server, target)
    const source = new EventSource(server.url + stream.run)
    const seen: string[] = []
    source.onmessage = ({ data }) => seen.push(data)
    let opened = 0
    source.onopen = () => opened++
    await waitFor('the EventSource has reconnected', () => opened > 1)
    const { response } = await call()
    response.end('data: 2\n\n')
    await waitFor('the EventSource is closed', () => source.readyState === EventSource.CLOSED)
    expect(seen).toEqual(['1', '2'])
    expect(upstream.of(new URL(target).pathname)).toHaveLength(1)
    await server.stop()
  })
})
