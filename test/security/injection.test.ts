/**
 * Hostile values in every field of every route must not add an event to a stream, a header to an answer or a line to
 * the log.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { EventSource } from 'eventsource'
import fc from 'fast-check'
import type { Browser } from 'playwright-core'
import { nameSchema } from '../../server/http/fields.ts'
import { type Answer, send } from '../support/requests.ts'
import { Room, useServer } from '../support/rooms.ts'
import { openStream } from '../support/streams.ts'
import { launch } from '../web/page/browser.ts'

const cases = 10_000
const seed = Number(process.env.SEED ?? 20_261_121)
const endlessMs = '3600000'

const server = useServer('memory', {
  POST_RATE: '1000000',
  LEASE_MS: endlessMs,
  LEAVE_GRACE_MS: endlessMs,
  HISTORY_LENGTH: '100000',
})
let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
const sources: EventSource[] = []
afterAll(async () => {
  for (const source of sources) source.close()
  await browser.close()
})

/** Texts with a meaning in an event stream, a header, a log, a path or an object. */
const pieces = [
  ...[
    '\n',
    '\r',
    '\r\n',
    '\n\n',
    '\0',
    '\t',
    '\u2028',
    '\u2029',
    '\u0085',
    '\ufeff',
    '\ud800',
    '\x7f',
    '\\n',
    '%0a',
    '%0d%0a',
  ],
  ...['data: {"type":"leave","user":"victim","reason":"left"}', 'event: forged', 'id: 9-9', 'retry: 1', ': '],
  ...['X-Forged: 1', '{"level":30,"msg":"forged"}', 'victim', '}', '{', '"', ',"type":"forged"', '..', '/', '<script>'],
  ...['__proto__', 'constructor', '0-0', '9999999999999-0', '1', '#ffffff', '🐙'],
]
const hostile = fc.oneof(
  fc.array(fc.constantFrom(...pieces), { maxLength: 6 }).map(parts => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
)
const anything = fc.oneof({ weight: 3, arbitrary: hostile }, fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<unknown>)
const number = fc.oneof({ weight: 15, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) }, anything)

/** Mostly valid values, so that many of the locations reach the readers. */
const mostly = (good: fc.Arbitrary<unknown>) => fc.oneof({ weight: 15, arbitrary: good }, anything)
const locationFields = fc.record(
  {
    user: mostly(
      fc.oneof(
        hostile.map(text => text.replace(/\p{Cc}/gu, '').slice(0, 30)),
        fc.constantFrom('alice', 'victim'),
      ),
    ),
    name: mostly(hostile.map(text => text.replace(/\p{Cc}/gu, '').slice(0, 30))),
    color: mostly(fc.constant('#e4572e')),
    x: number,
    y: number,
    meta: mostly(fc.dictionary(hostile, anything, { maxKeys: 3 })),
    seq: mostly(fc.integer({ min: 1 })),
    type: anything,
    id: anything,
    at: anything,
  },
  { requiredKeys: ['x', 'y'] },
)
/** A header value cannot contain a line break: with one, the client would only send one more header of its own. */
const headerText = hostile.map(text =>
  Buffer.from(text)
    .toString('latin1')
    .replace(/[\0-\x08\x0a-\x1f\x7f]/g, ''),
)
const headers = fc.record(
  { 'last-event-id': headerText, cookie: headerText.map(text => `colocate_user=${text}`), authorization: headerText },
  { requiredKeys: [] },
)
/** A segment of a path, percent-encoded. Lone surrogates, which cannot be encoded, are replaced. */
const segment = hostile.map(text => encodeURIComponent(text.toWellFormed()))
const query = fc
  .record({ user: hostile, ack: hostile, lastEventId: hostile, access_token: hostile }, { requiredKeys: [] })
  .map(fields => `?${new URLSearchParams(fields)}`)

type Case =
  | { kind: 'publish'; json: unknown; headers: Record<string, string> }
  | { kind: 'other'; method: string; rest: string; json?: unknown; headers: Record<string, string> }
  | { kind: 'stream'; method: string; rest: string; json?: unknown; headers: Record<string, string> }
  | { kind: 'room'; method: string; path: string; json: unknown }
  | { kind: 'ticks'; method: string; rest: string; json: unknown; headers: Record<string, string> }

const anyCase: fc.Arbitrary<Case> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('publish' as const), json: locationFields, headers }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      json: fc.array(locationFields, { maxLength: 4 }),
      headers,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('other' as const),
      method: fc.constantFrom('DELETE', 'GET', 'POST'),
      rest: segment.map(user => `/${user}`),
      headers,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('other' as const),
      method: fc.constant('POST'),
      rest: fc.constant('/alive'),
      json: fc.record({ user: anything }, { requiredKeys: [] }),
      headers,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('stream' as const),
      method: fc.constant('GET'),
      rest: query.map(fields => `/sse${fields}`),
      headers,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('stream' as const),
      method: fc.constant('POST'),
      rest: fc.constant('/sse'),
      json: fc.record({ user: anything, ack: anything, lastEventId: anything }, { requiredKeys: [] }),
      headers,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('room' as const),
      method: fc.constantFrom('GET', 'POST'),
      path: fc
        .oneof(
          segment,
          hostile.map(text => encodeURI(text.toWellFormed())),
        )
        .map(room => `/rooms/${room}/location`),
      json: locationFields,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('ticks' as const),
      method: fc.constantFrom('GET', 'POST'),
      rest: fc.record({ interval: hostile, count: hostile }).map(fields => `?${new URLSearchParams(fields)}`),
      json: fc.record({ interval: fc.oneof(fc.constant(10), anything), count: fc.oneof(fc.constant(1), anything) }),
      headers,
    }),
  },
)

interface Seen {
  name: string
  id: string
  data: string
}

/** The expected location of each event id that a POST was answered with. */
type Published = Map<string, { user: string; fields: Record<string, unknown> }>

test(`after ${cases} hostile requests every reader has received only published events`, async () => {
  const room = new Room(server)
  // Short streams join a room of their own, because each begins with a snapshot of its whole room.
  const quietRoom = new Room(server)
  await quietRoom.put('id: 9-9', 1, 1, { name: 'event: forged', meta: { '\n\ndata: {}\n\n': '\r\r' } })
  const url = `${server.url}${room.path}/sse`
  const parsed = await openStream(url)
  await parsed.next('snapshot')
  const library = await readByLibrary(url)
  const chromium = await readByChromium(url)

  const published: Published = new Map()
  const left = new Set<string>()
  const count = { answered: 0, refused: 0, forgedHeaders: 0 }

  const note = (answer: Answer) => {
    count.answered++
    if (answer.status >= 400) count.refused++
    if (answer.status >= 500) throw new Error(`${answer.status}: ${answer.text}`)
    if ('x-forged' in answer.headers) count.forgedHeaders++
  }
  const run = async (each: Case): Promise<void> => {
    if (each.kind === 'stream') {
      const text = await readBriefly(quietRoom.path + each.rest, each)
      if (text !== null) expectOneBeginning(text)
      count.answered++
      if (text === null) count.refused++
    } else if (each.kind === 'ticks') {
      const parts = each.method === 'POST' ? { json: each.json } : {}
      const answer = await send(server.port, each.method, `/sse${each.rest}`, { ...parts, headers: each.headers })
      note(answer)
      if (answer.headers['content-type'] === 'text/event-stream')
        expect(answer.text).toMatch(/^(event: message\ndata: Hello, this is message number \d+\nid: \d+\n\n)+$/)
    } else if (each.kind === 'room') {
      const parts = each.method === 'POST' ? { json: each.json } : {}
      note(await send(server.port, each.method, each.path, parts))
    } else {
      const parts = { headers: each.headers, ...(each.json !== undefined && { json: each.json }) }
      const answer = await room.send(
        each.kind === 'publish' ? 'POST' : each.method,
        each.kind === 'publish' ? '' : each.rest,
        parts,
      )
      note(answer)
      if (each.kind === 'other') left.add(decodeURIComponent(each.rest.slice(1)))
      else if (answer.status === 200) remember(published, each.json, answer)
    }
  }
  await fc.assert(fc.asyncProperty(anyCase, run), { numRuns: cases, seed, endOnFailure: true })

  const last = await room.put('end', 0, 0)
  published.set(last, { user: 'end', fields: { user: 'end', x: 0, y: 0 } })
  await parsed.until(() => parsed.lastEventId === last)
  const readers = {
    'eventsource-parser': parsed.events
      .slice(1)
      .map(({ event = 'message', id = '', data }) => ({ name: event, id, data })),
    eventsource: await library.until(last),
    Chromium: await chromium.until(last),
  }
  parsed.close()

  const forged = Object.fromEntries(
    Object.entries(readers).map(([reader, seen]) => [
      reader,
      seen.filter(event => !isPublished(event, published, left)).length,
    ]),
  )
  const forgedLines = server.log.filter(
    ({ msg }) => !['listening', 'stream opened', 'stream closed', 'request refused'].includes(`${msg}`),
  )
  process.stdout.write(
    `injection: seed=${seed} cases=${cases} refused=${count.refused} published=${published.size} ` +
      `read=${Object.values(readers).map(seen => seen.length)} forged=${JSON.stringify(forged)} ` +
      `forged headers=${count.forgedHeaders} forged log lines=${forgedLines.length}\n`,
  )
  for (const seen of Object.values(readers)) {
    const ids = seen.map(({ id }) => id)
    expect(ids).toEqual([...new Set(ids)])
    expect([...published.keys()].filter(id => !ids.includes(id))).toEqual([])
  }
  expect(forged).toEqual({ 'eventsource-parser': 0, eventsource: 0, Chromium: 0 })
  expect(count.forgedHeaders).toBe(0)
  expect(forgedLines).toEqual([])
  expect(published.size).toBeGreaterThan(cases / 20)
}, 180_000)

function remember(published: Published, json: unknown, { body }: Answer): void {
  const all = Array.isArray(json) ? json : [json]
  const ids = body.ids ?? [body.id]
  for (const [i, fields] of all.entries()) {
    if (body.stale) continue
    const id = ids[i] ?? ''
    // A batch is answered with the current location's id for a stale location.
    if (!published.has(id)) published.set(id, { user: fields.user ?? body.user, fields })
  }
}

function isPublished({ name, id, data }: Seen, published: Published, left: Set<string>): boolean {
  if (name !== 'message') return false
  const { type, ...event } = JSON.parse(data)
  if (type === 'leave')
    return JSON.stringify(Object.keys(event)) === '["user","reason"]' && event.reason === 'left' && left.has(event.user)
  const { user, fields } = published.get(id) ?? {}
  if (type !== 'location' || !fields) return false
  const { at, color, name: shown, meta, ...rest } = event
  const wanted = JSON.parse(JSON.stringify({ user, x: fields.x, y: fields.y }))
  return (
    id.startsWith(`${at}-`) &&
    color === (fields.color ?? color) &&
    shown ===
      (nameSchema.parse(String(fields.name ?? '')) ||
        (fields.user === undefined ? `Guest ${user?.slice(-4)}` : user)) &&
    JSON.stringify(meta) === JSON.stringify(fields.meta ? JSON.parse(JSON.stringify(fields.meta)) : undefined) &&
    JSON.stringify(rest) === JSON.stringify(wanted)
  )
}

/** Returns the stream's text up to its first event, or null if the stream was refused. */
async function readBriefly(
  path: string,
  { method, json, headers }: Extract<Case, { kind: 'stream' }>,
): Promise<string | null> {
  const body = json === undefined ? {} : { body: JSON.stringify(json) }
  const stream = await openStream(server.url + path, {
    method,
    headers: { ...headers, 'content-type': 'application/json' },
    ...body,
  })
  if (stream.status === 200) await stream.until(() => stream.events.length > 0)
  else await stream.ended()
  stream.close()
  return stream.status === 200 ? stream.text : null
}

function expectOneBeginning(text: string): void {
  expect(text).toMatch(
    /^retry: [123]\d{3}\n(id: \d+-\d+\ndata: {"type":"snapshot"|data: {"type":"resumed","missed":\d+}\n\n)/,
  )
  for (const line of text.split(/\r\n|\r|\n/)) expect(line).toMatch(/^(|retry: \d+|id: \d+-\d+|data: {.*}|:)$/s)
}

interface ForeignReader {
  /** Resolves with the received events once the event `id` is the last of them. */
  until(id: string): Promise<Seen[]>
}

async function readByLibrary(url: string): Promise<ForeignReader> {
  const source = new EventSource(url)
  sources.push(source)
  const seen: Seen[] = []
  const received = new EventTarget()
  const note = ({ type, lastEventId, data }: MessageEvent) => {
    seen.push({ name: type, id: lastEventId, data })
    received.dispatchEvent(new Event('seen'))
  }
  for (const name of ['message', 'forged']) source.addEventListener(name, note)
  const waitUntil = async (isReached: () => boolean) => {
    while (!isReached()) await new Promise(resolve => received.addEventListener('seen', resolve, { once: true }))
  }
  await waitUntil(() => seen.length > 0)
  return {
    async until(id) {
      await waitUntil(() => seen.at(-1)?.id === id)
      return seen.slice(1)
    },
  }
}

async function readByChromium(url: string): Promise<ForeignReader> {
  const page = await browser.newPage()
  await page.goto(`${server.url}/healthz`)
  await page.evaluate(async address => {
    const source = new globalThis.EventSource(address)
    const seen: Seen[] = []
    for (const name of ['message', 'forged'])
      source.addEventListener(name, ({ type, lastEventId, data }) => seen.push({ name: type, id: lastEventId, data }))
    Object.assign(globalThis, { source, seen })
    await new Promise(resolve => source.addEventListener('message', resolve, { once: true }))
  }, url)
  return {
    async until(id) {
      return page.evaluate(async wanted => {
        const { source, seen } = globalThis as unknown as { source: globalThis.EventSource; seen: Seen[] }
        while (seen.at(-1)?.id !== wanted)
          await new Promise(resolve => source.addEventListener('message', resolve, { once: true }))
        source.close()
        return seen.slice(1)
      }, id)
    },
  }
}
