/**
 * Rolling upgrades and an outage of all instances behind nginx: every client reconnects by itself and misses no event.
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
import { longLeases } from './deployment.ts'
import { report, rounds, Workload } from './workload.ts'

const outageMs = 10_000
const closed = 2
const nodeSources = 20
const undiciSources = 5
/** Below the limit of connections that a browser opens to one host. */
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
  const instance = await startServer({ ...longLeases, PORT: `${port}`, REDIS_URL: redis.url, DRAIN_MS: '1000' })
  await untilReady(instance, true)
  return instance
}

interface State {
  readyState: number
  lastEventId: string
  opens: number[]
}

/** Opens an EventSource and records its state. Runs in Node.js and in the browser. */
function watch(Source: typeof globalThis.EventSource, url: string): { state: State; close(): void } {
  const source = new Source(url)
  const state: State = { readyState: 0, lastEventId: '', opens: [] }
  const update = () => {
    state.readyState = source.readyState
  }
  source.onopen = () => {
    update()
    state.opens.push(Date.now())
  }
  source.onerror = update
  source.onmessage = ({ lastEventId }) => {
    update()
    state.lastEventId = lastEventId
  }
  return { state, close: () => source.close() }
}

/** Opens EventSources of three implementations in one room: eventsource, undici and the browser. */
async function openSources(room: string): Promise<{ states(): Promise<State[]>; close(): Promise<void> }> {
  const url = `${nginx.url}/rooms/${room}/location/sse`
  const kinds = [...Array(nodeSources).fill(EventSource), ...Array(undiciSources).fill(UndiciEventSource)]
  const sources = kinds.map(kind => watch(kind, url))
  const page = await browser.newPage()
  // Without the bots, whose streams would take the connections that the browser has left for this host.
  await page.goto(`${nginx.url}/?room=another&bots=0`)
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
  'clients reconnect and miss no event: $name',
  async ({ name, inject }) => {
    const workload = new Workload({ urls: () => [nginx.url], isSubscribed: async () => true })
    await workload.start()
    const sources = await openSources(workload.room)
    const haveReceived = (id: string) => async () => {
      const late = (await sources.states())
        .map((state, number) => ({ number, ...state, opens: state.opens.length }))
        .filter(({ lastEventId }) => byId(lastEventId || '0-0', id) < 0)
      if (late.length > 0) throw new Error(`${JSON.stringify(late)} lack ${id}`)
      return true
    }
    await waitFor('every EventSource has caught up', haveReceived(await workload.post('mark')))
    const spreads: number[] = []
    for (let round = 1; round <= rounds; round++) {
      await workload.untilAcknowledged(100)
      const start = Date.now()
      await inject()
      await workload.catchUp()
      await waitFor('every EventSource has caught up again', haveReceived(await workload.post('mark')))
      // The last time that each EventSource opened after the fault started.
      const opens = (await sources.states()).map(({ opens }) => opens.findLast(at => at > start) ?? start)
      spreads.push(Math.max(...opens) - Math.min(...opens))
    }
    await workload.finish(name, rounds)
    const states = await sources.states()
    const closedForEver = states.filter(({ readyState }) => readyState === closed).length
    await sources.close()
    report(`${name}: EventSources`, {
      clients: states.length,
      closedForEver,
      spreadMs: Math.round(Math.min(...spreads)),
    })
    expect(closedForEver).toBe(0)
    expect(Math.min(...spreads)).toBeGreaterThan(500)
  },
  1_800_000,
)
