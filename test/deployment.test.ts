/**
 * The deployment of docker-compose.yml without its containers: the same nginx configuration in front of three processes of
 * the server on one Redis, all real. Only the addresses differ, as `support/nginx.ts` describes.
 */
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { EventSource } from 'eventsource'
import { startNginx, type TestNginx } from './support/nginx.ts'
import { startRedis, type TestRedis } from './support/redis.ts'
import { startServer, type TestServer } from './support/server.ts'

/** Long enough for an EventSource whose retry time is ten seconds. */
const timeoutMs = 60_000

let redis: TestRedis
let nginx: TestNginx
let instances: TestServer[]
const sources: EventSource[] = []
const responses: IncomingMessage[] = []

beforeAll(async () => {
  redis = await startRedis()
  const [a, b, c] = await Promise.all([startInstance(), startInstance(), startInstance()])
  instances = [a, b, c]
  nginx = await startNginx([a.port, b.port, c.port])
})

afterEach(() => {
  for (const source of sources.splice(0)) source.close()
  for (const response of responses.splice(0)) response.destroy()
})

afterAll(async () => {
  await nginx?.stop()
  await Promise.all((instances ?? []).map(instance => instance.stop()))
  await redis?.stop()
})

function startInstance(port = 0): Promise<TestServer> {
  return startServer({ PORT: `${port}`, REDIS_URL: redis.url, TRUST_PROXY: '1' })
}

const roomUrl = (room: string) => `${nginx.url}/rooms/${room}/location`

function post(room: string, location: object): Promise<Response> {
  return fetch(roomUrl(room), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(location),
  })
}

/** Posts again when the answer has a Retry-After header, as the client does. */
async function postUntilAccepted(room: string, location: object): Promise<void> {
  const answer = await post(room, location)
  if (answer.status === 200) return
  expect(answer.status).toBe(502)
  await setTimeout(1_000 * Number(answer.headers.get('retry-after')))
  await postUntilAccepted(room, location)
}

interface Seen {
  type: string
  reason?: string
  missed?: number
  user?: string
  x?: number
  locations?: { user: string }[]
}

/** An EventSource as in browsers, and the events that it has received. */
class Listener {
  readonly source: EventSource
  readonly events: Seen[] = []
  /** How often the stream was answered 200. */
  opened = 0
  #onChange = () => {}

  constructor(room: string) {
    this.source = new EventSource(`${roomUrl(room)}/sse`)
    sources.push(this.source)
    this.source.onmessage = ({ data }) => {
      this.events.push(JSON.parse(data))
      this.#onChange()
    }
    this.source.onopen = () => {
      this.opened++
      this.#onChange()
    }
  }

  /** Resolves once `condition` holds. It is checked when the stream opens and when an event arrives. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>(resolve => {
        this.#onChange = resolve
      })
    }
  }

  receives(match: Partial<Seen>): Promise<void> {
    const keys = Object.keys(match) as (keyof Seen)[]
    return this.until(() => this.events.some(event => keys.every(key => event[key] === match[key])))
  }
}

/** Opens a stream without an EventSource, which hides the headers and the retry line. */
async function openRaw(url: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const [response] = await once(get(url, { headers, agent: false }), 'response')
  responses.push(response)
  return response.setEncoding('utf8')
}

/** Returns the text of a stream up to the end of its first event. */
async function firstEvent(response: IncomingMessage): Promise<string> {
  let text = ''
  while (!text.includes('\n\n')) text += (await once(response, 'data'))[0]
  return text
}

/** Resolves once the instance's log has an entry with these fields. */
async function waitForLogEntry(instance: TestServer, match: Record<string, unknown>): Promise<void> {
  const has = (entry: Record<string, unknown>) => Object.entries(match).every(([key, value]) => entry[key] === value)
  while (!instance.log.some(has)) await once(instance.child.stdout as NodeJS.EventEmitter, 'data')
}

test('nginx serves the page and its files', async () => {
  const page = await fetch(`${nginx.url}/`)
  expect(page.status).toBe(200)
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
  const html = await page.text()
  const script = /<script[^>]* src="([^"]+)"/.exec(html)?.[1] ?? ''
  expect((await fetch(new URL(script, nginx.url))).headers.get('content-type')).toContain('javascript')
})

test('a location posted through nginx reaches the streams of all three instances', async () => {
  const listeners = [new Listener('shared'), new Listener('shared'), new Listener('shared')]
  await Promise.all(listeners.map(listener => listener.receives({ type: 'snapshot', reason: 'joined' })))
  await Promise.all(instances.map(instance => waitForLogEntry(instance, { msg: 'stream opened', room: 'shared' })))

  const answer = await post('shared', { user: 'alice', x: 2, y: 2 })
  expect(answer.status).toBe(200)
  await Promise.all(listeners.map(listener => listener.receives({ type: 'location', user: 'alice', x: 2 })))
  expect(listeners.map(({ source }) => source.readyState)).toEqual([1, 1, 1])
})

test('a page of nginx’s own origin may post through nginx, and a page of another origin may not', async () => {
  const from = (origin: string) =>
    fetch(roomUrl('origins'), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Origin: origin },
      body: '{"x":1,"y":1}',
    })
  expect((await from(nginx.url)).status).toBe(200)
  expect((await from('http://example.org')).status).toBe(403)
})

test('nginx keeps the headers of a stream and forwards Last-Event-ID', async () => {
  const { id } = await (await post('resumed', { user: 'alice', x: 1, y: 1 })).json()
  await post('resumed', { user: 'alice', x: 2, y: 1 })
  const stream = await openRaw(`${roomUrl('resumed')}/sse`, { 'Last-Event-ID': id })
  expect(stream.statusCode).toBe(200)
  expect(stream.headers['content-type']).toBe('text/event-stream')
  expect(stream.headers['cache-control']).toBe('no-cache, no-transform')
  expect(await firstEvent(stream)).toMatch(/^retry: \d+\ndata: {"type":"resumed","missed":1}\n\n/)
})

test('nginx forwards each tick at once', async () => {
  const stream = await openRaw(`${nginx.url}/sse?interval=100&count=3`)
  const chunks: string[] = []
  for await (const chunk of stream) chunks.push(chunk)
  expect(chunks.map(chunk => /^id: (\d)$/m.exec(chunk)?.[1])).toEqual(['1', '2', '3'])
})

test('nginx forwards the server’s problems unchanged', async () => {
  const refusals = await Promise.all([
    fetch(`${roomUrl('not%20a%20room')}/sse`),
    post('refused', { x: 'two', y: 2 }),
    fetch(`${nginx.url}/nothing`),
    post('refused', { user: 'alice', x: 2, y: 2, meta: { text: 'x'.repeat(2_000_000) } }),
  ])
  expect(refusals.map(({ status }) => status)).toEqual([400, 400, 404, 413])
  for (const { headers } of refusals) expect(headers.get('content-type')).toBe('application/problem+json')
})

test('nginx refuses a body of more than 4 MiB with a problem', async () => {
  const answer = await post('refused', { x: 2, y: 2, meta: { text: 'x'.repeat(5_000_000) } })
  expect(answer.status).toBe(413)
  expect(await answer.json()).toMatchObject({ title: 'Content Too Large', status: 413 })
})

test('when an instance is stopped or killed, POSTs succeed, and streams reconnect and miss no event', async () => {
  const listeners = Array.from({ length: 6 }, () => new Listener('rolling'))
  await Promise.all(listeners.map(listener => listener.receives({ type: 'snapshot' })))
  await Promise.all(instances.map(instance => waitForLogEntry(instance, { msg: 'stream opened', room: 'rolling' })))

  for (const [round, signal] of (['SIGTERM', 'SIGKILL'] as const).entries()) {
    const [instance] = instances
    if (!instance) throw new Error('No instance.')
    const exited = once(instance.child, 'exit')
    instance.child.kill(signal)
    await exited
    // One POST for each instance, so that at least one would have gone to the instance that is away.
    for (const n of [1, 2, 3]) {
      const answer = await post('rolling', { user: 'alice', x: 10 * round + n, y: 0 })
      expect(answer.status).toBe(200)
    }
    await Promise.all(listeners.map(listener => listener.receives({ type: 'location', x: 10 * round + 3 })))
    instances = [...instances.slice(1), await startInstance(instance.port)]
  }

  for (const { events, source } of listeners) {
    expect(events.filter(({ type }) => type === 'snapshot')).toHaveLength(1)
    expect(events.filter(({ type }) => type === 'location').map(({ x }) => x)).toEqual([1, 2, 3, 11, 12, 13])
    expect(source.readyState).toBe(1)
  }
  expect(listeners.some(({ events }) => events.some(({ type }) => type === 'resumed'))).toBe(true)
}, 60_000)

test(
  'without any instance, streams get a retry line, other requests get a problem, and open pages reconnect later',
  async () => {
    const listener = new Listener('outage')
    await listener.receives({ type: 'snapshot', reason: 'joined' })
    await Promise.all(instances.map(instance => instance.stop()))

    const retries = new Set<string>()
    for (const path of ['/rooms/outage/location/sse', '/location/sse', '/sse', '/forward-sse/run', '/sse', '/sse']) {
      const stream = await openRaw(`${nginx.url}${path}`)
      expect([path, stream.statusCode]).toEqual([path, 200])
      expect(stream.headers['content-type']).toBe('text/event-stream')
      let text = ''
      for await (const chunk of stream) text += chunk
      expect(text).toMatch(/^retry: \d+\n$/)
      retries.add(text)
      const ms = Number(text.slice('retry: '.length))
      expect(ms >= 3_000 && ms <= 10_000).toBe(true)
    }
    expect(retries.size).toBeGreaterThan(1)

    const answers = await Promise.all([
      post('outage', { user: 'alice', x: 1, y: 1 }),
      fetch(roomUrl('outage')),
      fetch(`${roomUrl('outage')}/sse`, { method: 'DELETE' }),
      fetch(`${nginx.url}/forward-sse`, { method: 'POST' }),
      fetch(`${nginx.url}/`),
    ])
    for (const answer of answers) {
      expect(answer.status).toBe(502)
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expect(answer.headers.get('retry-after')).toBe('2')
      expect(await answer.json()).toMatchObject({ title: 'Bad Gateway', status: 502 })
    }

    // The EventSource got a retry line with status 200, so it keeps reconnecting.
    await listener.until(() => listener.opened === 2)
    instances = await Promise.all(instances.map(({ port }) => startInstance(port)))
    await listener.until(() => listener.events.at(-1)?.type === 'resumed')
    await postUntilAccepted('outage', { user: 'alice', x: 7, y: 7 })
    await listener.receives({ type: 'location', user: 'alice', x: 7 })
    expect(listener.events.filter(({ type }) => type === 'snapshot')).toHaveLength(1)
  },
  timeoutMs,
)

test('nginx logs no query', async () => {
  await (await fetch(`${nginx.url}/healthz?access_token=secret`)).text()
  await (await fetch(`${nginx.url}/healthz`)).text()
  const log = await nginx.readLog()
  expect(log).toContain('GET /healthz 200')
  expect(log).not.toContain('secret')
})
