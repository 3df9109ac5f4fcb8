import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { type ConnectionUpdate, EventStreamConnection } from '../../../web/client/event-stream-connection.ts'
import type { RoomEvent } from '../../../web/wire.ts'
import { frame, locationOf } from '../../support/scripted-server.ts'

const passMs = (ms: number) => jest.advanceTimersByTimeAsync(ms)
const moved = (x: number) => ({ type: 'location', ...locationOf('bob', { x, y: 0 }) }) as const
const snapshot: RoomEvent = { type: 'snapshot', reason: 'joined', locations: [] }
const resumed = { type: 'resumed', missed: 0 } as const

/** One request for a stream, which the test answers. */
interface Requested {
  lastEventId: string
  at: number
  isAborted(): boolean
  respond(init?: ResponseInit): void
  say(text: string): Promise<void>
  end(): Promise<void>
  fail(): Promise<void>
}

let connection: EventStreamConnection

function setUp(isAnswering = true) {
  const requests: Requested[] = []
  const updates: ConnectionUpdate[] = []
  let heldBack = 0
  connection = new EventStreamConnection({
    lastEventId: '',
    open: (lastEventId, signal) => {
      return new Promise((resolve, reject) => {
        let controller: ReadableStreamDefaultController<Uint8Array> | undefined
        const body = new ReadableStream<Uint8Array>({
          start(given) {
            controller = given
          },
        })
        const settle = () => passMs(0)
        requests.push({
          lastEventId,
          at: Date.now(),
          isAborted: () => signal.aborted,
          respond: (init = { headers: { 'content-type': 'text/event-stream' } }) => resolve(new Response(body, init)),
          async say(text) {
            if (!body.locked) this.respond()
            controller?.enqueue(new TextEncoder().encode(text))
            await settle()
          },
          async end() {
            controller?.close()
            await settle()
          },
          async fail() {
            reject(new TypeError('fetch failed'))
            controller?.error(new TypeError('terminated'))
            await settle()
          },
        })
      })
    },
    onUpdate: update => updates.push(update),
    isAnswering: async () => isAnswering,
    onHeldBack: () => heldBack++,
  })
  connection.open()
  const statuses = () => updates.flatMap(({ status }) => status ?? [])
  const ids = () => updates.flatMap(({ entries = [] }) => entries.map(({ id }) => id)).filter(id => id !== '')
  const last = () => requests.at(-1) as Requested
  return { requests, updates, statuses, ids, last, heldBack: () => heldBack }
}

const hello = (id = '1-0') => `retry: 1200\n${frame(snapshot, id)}`
const hello2 = `retry: 1200\n${frame(resumed)}`

beforeEach(() => {
  jest.useFakeTimers({ now: 1_000_000 })
})
afterEach(async () => {
  connection.close()
  await passMs(0)
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

test('what arrives together is passed on together, with the status', async () => {
  const { last, updates } = setUp()
  await last().say(hello() + frame(moved(1), '2-0') + frame(moved(2), '3-0'))
  expect(updates).toHaveLength(1)
  expect(updates[0]).toMatchObject({ status: 'live', entries: [{ id: '1-0' }, { id: '2-0' }, { id: '3-0' }] })
})

test('a stream that ends is opened again with the last id, after the retry time that it gave', async () => {
  const { requests, last, statuses } = setUp()
  await last().say(hello() + frame(moved(1), '2-0'))
  await last().end()
  await passMs(1_199)
  expect(requests).toHaveLength(1)
  await passMs(801)
  expect(requests).toHaveLength(2)
  expect(last().lastEventId).toBe('2-0')
  await last().say(hello2)
  expect(statuses()).toEqual(['live', 'reconnecting', 'live'])
})

test('after failures it waits longer, at most 15 s, and not the same time as others', async () => {
  const { requests, last } = setUp()
  for (let n = 0; n < 40; n++) {
    await last().fail()
    while (requests.length === n + 1) await passMs(100)
  }
  expect(requests).toHaveLength(41)
  const waits = requests.slice(1).map(({ at }, index) => at - (requests[index]?.at ?? 0))
  expect(Math.max(...waits)).toBeLessThanOrEqual(15_100)
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(1_000)
  expect(new Set(waits).size).toBeGreaterThan(20)
})

test('silence of 45 s is a dead link', async () => {
  const { requests, last, statuses } = setUp()
  await last().say(hello())
  await passMs(40_000)
  await last().say(':\n')
  await passMs(44_999)
  expect(requests).toHaveLength(1)
  await passMs(1)
  expect(requests).toHaveLength(2)
  expect(requests[0]?.isAborted()).toBe(true)
  expect(statuses()).toEqual(['live', 'reconnecting'])
})

test('woken after 5 s of silence it opens a second stream, and drops the first when the second speaks', async () => {
  const { requests, last, statuses, ids } = setUp()
  await last().say(hello())
  const [first] = requests
  await passMs(5_000)
  connection.wake()
  expect(requests).toHaveLength(1)
  await passMs(1)
  connection.wake()
  connection.wake()
  expect(requests).toHaveLength(2)
  await first?.say(frame(moved(1), '2-0'))
  expect(first?.isAborted()).toBe(false)
  await last().say(hello2 + frame(moved(1), '2-0') + frame(moved(2), '3-0'))
  expect(first?.isAborted()).toBe(true)
  expect(ids()).toEqual(['1-0', '2-0', '3-0'])
  expect(statuses()).toEqual(['live'])
})

test('a second stream that hangs is doubted, too: a third is opened after 3 s', async () => {
  const { requests, last, statuses } = setUp()
  await last().say(hello())
  await passMs(60_000 / 2)
  connection.wake()
  await passMs(3_000)
  expect(requests).toHaveLength(3)
  await last().say(hello2)
  expect(statuses()).toEqual(['live'])
  expect(requests.map(request => request.isAborted())).toEqual([true, true, false])
})

test('when the second stream says nothing for 10 s, and the first neither, the link is dead', async () => {
  const { last, statuses } = setUp()
  await last().say(hello())
  await passMs(6_000)
  connection.wake()
  await passMs(13_000)
  expect(statuses()).toEqual(['live', 'reconnecting'])
})

test('when the first stream speaks meanwhile, it stays', async () => {
  const { requests, last, statuses } = setUp()
  await last().say(hello())
  await passMs(6_000)
  connection.wake()
  await passMs(1)
  await requests[0]?.say(':\n')
  await passMs(14_000)
  expect(statuses()).toEqual(['live'])
  expect(requests[0]?.isAborted()).toBe(false)
})

test('a new token moves to a new stream without leaving live, and without a loss or a repetition', async () => {
  const { requests, last, statuses, ids } = setUp()
  await last().say(hello())
  for (let n = 2; n < 20; n += 3) {
    const old = last()
    await old.say(frame(moved(n), `${n}-0`))
    connection.replace()
    expect(last().lastEventId).toBe(`${n}-0`)
    await old.say(frame(moved(n + 1), `${n + 1}-0`))
    await last().say(hello2 + frame(moved(n + 1), `${n + 1}-0`) + frame(moved(n + 2), `${n + 2}-0`))
    expect(old.isAborted()).toBe(true)
  }
  expect(ids()).toEqual(Array.from({ length: 19 }, (_, index) => `${index + 1}-0`))
  expect(statuses()).toEqual(['live'])
  expect(requests).toHaveLength(7)
})

test('a refusal is final, until it is opened again', async () => {
  const { requests, last, updates } = setUp()
  last().respond({ status: 403, headers: { 'content-type': 'application/problem+json' } })
  await last().end()
  await passMs(60_000)
  expect(updates).toMatchObject([{ status: 'closed', error: { status: 403, code: 'forbidden' } }])
  connection.wake()
  expect(requests).toHaveLength(1)
  connection.open()
  expect(requests).toHaveLength(2)
})

test('Retry-After is kept, also when the page is seen', async () => {
  const { requests, last } = setUp()
  last().respond({ status: 503, headers: { 'retry-after': '9' } })
  await last().end()
  await passMs(8_000)
  connection.wake()
  expect(requests).toHaveLength(1)
  await passMs(2_000)
  expect(requests).toHaveLength(2)
})

test('a stream that was opened in spite of Retry-After is replaced when it is silent', async () => {
  const { requests, last } = setUp()
  last().respond({ status: 503, headers: { 'retry-after': '120' } })
  await last().end()
  connection.open()
  await last().say(hello())
  await passMs(45_000)
  expect(requests).toHaveLength(3)
})

test('three streams that say nothing, while requests are answered, are held back within 40 s', async () => {
  const { requests, last, heldBack, statuses } = setUp()
  await passMs(36_000)
  // The fourth stays open, which keeps the lease.
  expect(requests).toHaveLength(4)
  expect(heldBack()).toBe(1)
  await passMs(290_000)
  expect(requests).toHaveLength(4)
  expect(last().isAborted()).toBe(false)
  await passMs(15_000)
  expect(requests).toHaveLength(5)
  expect(requests[3]?.isAborted()).toBe(true)
  await last().say(hello())
  expect(statuses()).toEqual(['reconnecting', 'live'])
  expect(heldBack()).toBe(1)
})

test('a link that is dead altogether is not one whose streams are held back', async () => {
  const { heldBack } = setUp(false)
  await passMs(120_000)
  expect(heldBack()).toBe(0)
})

test('1,000 clients come back after an outage of 10 s one after another', async () => {
  connection.close()
  const startedAt = Date.now()
  const outageMs = 10_000
  let isAway = false
  const cuts: (() => void)[] = []
  const perSecond = new Map<number, number>()
  let attempts = 0
  const open = async () => {
    attempts++
    if (isAway) throw new TypeError('fetch failed')
    if (Date.now() > startedAt) {
      const second = Math.floor((Date.now() - startedAt) / 1_000)
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1)
    }
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(hello()))
        cuts.push(() => controller.error(new TypeError('terminated')))
      },
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }
  const connections = Array.from({ length: 1_000 }, () => {
    const each = new EventStreamConnection({
      lastEventId: '',
      open,
      onUpdate: () => {},
      isAnswering: async () => false,
      onHeldBack: () => {},
    })
    each.open()
    return each
  })
  await passMs(0)
  expect(cuts).toHaveLength(1_000)
  isAway = true
  for (const cut of cuts) cut()
  await passMs(outageMs)
  isAway = false
  await passMs(30_000)
  for (const each of connections) each.close()
  const histogram = [...perSecond].sort(([a], [b]) => a - b)
  process.stdout.write(
    `1,000 clients after an outage of 10 s, in each second: ${histogram.map(([s, n]) => `${s}:${n}`).join(' ')}; ${attempts - 2_000} attempts failed\n`,
  )
  expect(histogram.reduce((sum, [, count]) => sum + count, 0)).toBe(1_000)
  // Every client comes back within the longest wait, and no second has more than a quarter of them.
  expect(histogram.at(-1)?.[0]).toBeLessThanOrEqual(25)
  expect(Math.max(...perSecond.values())).toBeLessThan(250)
  expect(attempts - 2_000).toBeLessThan(6_000)
})
