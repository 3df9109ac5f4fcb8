/**
 * Instances behind nginx that are replaced one after another, or are all away for a while: everybody comes back, each by
 * itself, and misses nothing.
 */
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { EventSource } from 'eventsource'
import type { Browser } from 'playwright-core'
import { EventSource as UndiciEventSource } from 'undici'
import { byId } from '../support/client.ts'
import { startNginx, type TestNginx } from '../support/nginx.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { untilReady } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { waitFor } from '../support/wait-for.ts'
import { launch } from '../web/page/browser.ts'
import { calm } from './deployment.ts'
import { rounds, say, Workload } from './workload.ts'

const outageMs = 10_000
const closed = 2
const nodeSources = 20
const undiciSources = 5
/** Fewer than a browser's connections to one host. */
const browserSources = 4

let redis: TestRedis
let nginx: TestNginx
let browser: Browser
let instances: TestServer[]

beforeAll(async () => {
  redis = await startRedis()
  instances = await Promise.all([0, 0, 0].map(startInstance))
  const [a = 0, b = 0, c = 0] = instances.map(({ port }) => port)
  nginx = await startNginx([a, b, c])
  browser = await launch()
}, 60_000)

afterAll(async () => {
  await browser?.close()
  await nginx?.stop()
  await Promise.all((instances ?? []).map(instance => instance.stop()))
  await redis?.stop()
})

async function startInstance(port: number): Promise<TestServer> {
  const instance = await startServer({ ...calm, PORT: `${port}`, REDIS_URL: redis.url, DRAIN_MS: '1000' })
  await untilReady(instance, true)
  return instance
}

interface State {
  readyState: number
  lastEventId: string
  opens: number[]
}

/** Runs in Node and in the browser: an EventSource, and what became of it. */
function watch(Source: typeof globalThis.EventSource, url: string): { state: State; close(): void } {
  const source = new Source(url)
  const state: State = { readyState: 0, lastEventId: '', opens: [] }
  const look = () => {
    state.readyState = source.readyState
  }
  source.onopen = () => {
    look()
    state.opens.push(Date.now())
  }
  source.onerror = look
  source.onmessage = ({ lastEventId }) => {
    look()
    state.lastEventId = lastEventId
  }
  return { state, close: () => source.close() }
}

/** Every kind of EventSource there is, in one room. */
async function openSources(room: string): Promise<{ states(): Promise<State[]>; close(): Promise<void> }> {
  const url = `${nginx.url}/rooms/${room}/location/sse`
  const kinds = [...Array(nodeSources).fill(EventSource), ...Array(undiciSources).fill(UndiciEventSource)]
  const sources = kinds.map(kind => watch(kind, url))
  const page = await browser.newPage()
  await page.goto(`${nginx.url}/?room=another`)
  await page.evaluate(
    `globalThis.watched = Array.from({ length: ${browserSources} }, () => (${watch})(EventSource, ${JSON.stringify(url)}))`,
  )
  return {
    async states() {
      const inPage = (await page.evaluate('watched.map(({ state }) => state)')) as State[]
      return [...sources.map(({ state }) => state), ...inPage]
    },
    async close() {
      for (const source of sources) source.close()
      await page.close()
    },
  }
}

const faults: { name: string; inject(): Promise<void> }[] = [
  {
    name: 'three instances upgraded one after another behind nginx',
    async inject() {
      for (const [i, instance] of instances.entries()) {
        await instance.stop()
        instances[i] = await startInstance(instance.port)
      }
    },
  },
  {
    name: 'all instances down for 10 s',
    async inject() {
      for (const { child } of instances) child.kill('SIGKILL')
      await setTimeout(outageMs)
      instances = await Promise.all(instances.map(({ port }) => startInstance(port)))
    },
  },
]

test.each(faults)(
  '$name',
  async ({ name, inject }) => {
    const workload = new Workload({ urls: () => [nginx.url], isHeard: async () => true })
    await workload.gather()
    const sources = await openSources(workload.room)
    const have = (id: string) => async () =>
      (await sources.states()).every(({ lastEventId }) => byId(lastEventId || '0-0', id) >= 0)
    await waitFor('every EventSource is there', have(await workload.post('mark')))
    const spreads: number[] = []
    for (let round = 1; round <= rounds; round++) {
      await workload.go(100)
      const start = Date.now()
      await inject()
      await workload.catchUp()
      await waitFor('every EventSource is back', have(await workload.post('mark')))
      // The first time that each came back and was served.
      const opens = (await sources.states()).map(({ opens }) => opens.findLast(at => at > start) ?? start)
      spreads.push(Math.max(...opens) - Math.min(...opens))
    }
    await workload.judge(name, rounds)
    const states = await sources.states()
    const closedForEver = states.filter(({ readyState }) => readyState === closed).length
    await sources.close()
    say(`${name}: EventSources`, { clients: states.length, closedForEver, spreadMs: Math.round(Math.min(...spreads)) })
    expect(closedForEver).toBe(0)
    expect(Math.min(...spreads)).toBeGreaterThan(500)
  },
  1_800_000,
)
