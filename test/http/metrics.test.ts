/** `/metrics`, for Prometheus. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Metrics, metricsAt } from '../support/metrics.ts'
import { freePort } from '../support/ports.ts'
import { RawReader } from '../support/raw.ts'
import { startRedis } from '../support/redis.ts'
import { post, relaying } from '../support/relays.ts'
import { send } from '../support/requests.ts'
import { Room, untilReady, useServer } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { begin, type Call, Upstream } from '../support/upstream.ts'
import { waitFor } from '../support/wait-for.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

describe('the metrics of a scripted scenario', () => {
  const upstream = new Upstream()
  let server: TestServer
  let metrics: Metrics
  let whileOpen: Metrics

  beforeAll(async () => {
    await upstream.listen()
    const redis = await startRedis()
    server = await startServer({ REDIS_URL: redis.url, ...relaying(upstream, { MAX_STREAMS: '4' }) })
    await untilReady(server, true)
    await scenario(server)
    metrics = await metricsAt(server.url)
    await server.stop()
    await redis.stop()
  }, 60_000)
  afterAll(() => upstream.close())

  /** Three streams in a room of two, one refused stream, two refused requests, and two runs of the relay. */
  async function scenario({ url, port }: TestServer): Promise<void> {
    const room = new Room(server)
    const first = await room.put('alice', 1, 1)
    await room.put('bob', 1, 1)
    const streams = await Promise.all([room.follow(), room.follow(), room.follow({ lastEventId: first })])
    for (const stream of streams) await stream.next()
    await room.put('alice', 2, 2)
    for (const stream of streams) await stream.next('location')
    const reset = await room.follow({ lastEventId: '1-1' })
    await reset.next('snapshot')
    await (await room.follow()).ended()
    reset.close()
    await waitFor('the stream closes', async () => (await metricsAt(url)).get('colocate_streams{log="rooms"}') === 3)

    await room.post({ user: 'alice' })
    await send(port, 'PUT', room.path)
    for (const path of ['/nothing', '/nothing/else', '/rooms/%zz/location']) await send(port, 'GET', path)

    const calls = new Map<string, Call>()
    const target = upstream.answers('/waits', call => calls.set('waits', call))
    const call = fetch(`${url}/forward-sse`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ targetUrl: target }),
    })
    await upstream.until(() => calls.has('waits'))
    const run = await post(
      server,
      upstream.answers('/events', each => begin(each).write('data: 1\n\n')),
    )
    await run.next()
    whileOpen = await metricsAt(url)
    run.close()
    calls.get('waits')?.response.writeHead(500).end()
    expect((await call).status).toBe(502)
    for (const stream of streams) stream.close()
    await waitFor('no stream is open', async () => (await metricsAt(url)).get('colocate_streams{log="rooms"}') === 0)
  }

  test.each([
    [`colocate_build_info{version="${version}",node="${process.versions.node}"}`, 1],
    ['colocate_ready', 1],
    ['colocate_store_up', 1],
    ['colocate_rooms', 1],
    ['colocate_collaborators', 2],
    ['colocate_streams{log="rooms"}', 3],
    ['colocate_streams{log="runs"}', 1],
    ['colocate_streams_behind{log="rooms"}', 0],
    ['colocate_relay_runs{state="calling"}', 1],
    ['colocate_relay_runs{state="running"}', 1],
  ])('while the streams are open: %s is %d', (name, value) => {
    expect(whileOpen.get(name)).toBe(value)
  })

  test.each([
    ['colocate_rooms', 0],
    ['colocate_collaborators', 0],
    ['colocate_relay_runs{state="calling"}', 0],
    ['colocate_joins_total{log="rooms",outcome="joined"}', 2],
    ['colocate_joins_total{log="rooms",outcome="resumed"}', 1],
    ['colocate_joins_total{log="rooms",outcome="reset"}', 1],
    ['colocate_streams_refused_total{reason="full"}', 1],
    ['colocate_streams_refused_total{reason="store"}', 0],
    ['colocate_streams_refused_total{reason="limit"}', 0],
    ['colocate_streams_refused_total{reason="draining"}', 0],
    ['colocate_stream_seconds_count{log="rooms"}', 4],
    ['colocate_stream_seconds_bucket{le="60",log="rooms"}', 4],
    ['colocate_stream_seconds_count{log="runs"}', 1],
    ['colocate_events_total{log="rooms"}', 1],
    // Three streams got one event, and one of them also the second event of the replay.
    ['colocate_deliveries_total{log="rooms"}', 4],
    ['colocate_frame_events_count{log="rooms"}', 2],
    ['colocate_frame_events_sum{log="rooms"}', 2],
    ['colocate_delivery_seconds_count{log="rooms"}', 1],
    ['colocate_requests_total{route="/rooms/:room/location",status="200"}', 3],
    ['colocate_requests_total{route="/rooms/:room/location",status="400"}', 1],
    ['colocate_requests_total{route="/rooms/:room/location",status="405"}', 1],
    ['colocate_requests_total{route="/rooms/:room/location/sse",status="200"}', 5],
    ['colocate_requests_total{route="/forward-sse",status="200"}', 1],
    ['colocate_requests_total{route="/forward-sse",status="502"}', 1],
    ['colocate_requests_total{route="unmatched",status="404"}', 2],
    ['colocate_requests_total{route="unmatched",status="400"}', 1],
    ['colocate_request_seconds_count{route="/rooms/:room/location"}', 5],
    ['colocate_request_seconds_count{route="unmatched"}', 3],
    ['colocate_refused_total{status="400"}', 2],
    ['colocate_refused_total{status="404"}', 2],
    ['colocate_refused_total{status="405"}', 1],
    ['colocate_refused_total{status="502"}', 1],
    ['colocate_refused_total{status="503"}', 0],
    ['colocate_snapshots_total{log="rooms",reason="joined"}', 2],
    ['colocate_snapshots_total{log="rooms",reason="reset"}', 1],
    ['colocate_snapshots_total{log="rooms",reason="behind"}', 0],
    ['colocate_store_errors_total{code="timeout"}', 0],
    ['colocate_store_errors_total{code="OOM"}', 0],
    ['colocate_catch_ups_total{log="rooms",cause="gap"}', 0],
    ['colocate_catch_ups_total{log="rooms",cause="head"}', 0],
    ['colocate_catch_ups_total{log="rooms",cause="interrupted"}', 0],
    ['colocate_catch_ups_total{log="rooms",cause="resume"}', 2],
  ])('at the end: %s is %d', (name, value) => {
    expect(metrics.get(name)).toBe(value)
  })

  test.each([
    ['colocate_sent_bytes_total{log="rooms"}', 300],
    ['colocate_sent_bytes_total{log="runs"}', 10],
    ['colocate_stream_seconds_sum{log="rooms"}', 0.001],
    ['colocate_delivery_seconds_sum{log="rooms"}', 0],
    ['colocate_request_seconds_sum{route="/rooms/:room/location"}', 0.0001],
    // The store also publishes for its own checks.
    ['colocate_store_seconds_count{script="publish"}', 3],
    ['process_cpu_seconds_total', 0.01],
    ['process_resident_memory_bytes', 1_000_000],
    ['nodejs_eventloop_lag_p99_seconds', 0],
    ['nodejs_heap_size_used_bytes', 1_000_000],
  ])('at the end: %s is at least %d', (name, least) => {
    expect(metrics.get(name)).toBeGreaterThanOrEqual(least)
  })

  test('have no label that a client has chosen', () => {
    const text = [...metrics.keys()].join('\n')
    expect(text).not.toMatch(/nothing|alice|%zz/)
    const routes = new Set(text.match(/(?<=route=")[^"]*/g))
    expect([...routes].filter(route => route.includes(':'))).toEqual([
      '/rooms/:room/location',
      '/rooms/:room/location/sse',
    ])
  })
})

describe('the metrics', () => {
  const server = useServer('memory')

  test('show a stream whose socket is full', async () => {
    const room = new Room(server)
    const reader = await RawReader.open(server.port, `${room.path}/sse`)
    reader.pause()
    const batch = Array.from({ length: 900 }, (_, i) => ({ user: `u${i}`, x: i, y: 0, meta: { a: 'x'.repeat(1000) } }))
    const behind = async () => (await metricsAt(server.url)).get('colocate_streams_behind{log="rooms"}') === 1
    await waitFor('the stream is behind', async () => {
      await room.post(batch)
      return behind()
    })
    reader.close()
  })

  test('show that the server is not ready without Redis, and that it is not because of the store', async () => {
    const without = await startServer({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` })
    const metrics = await metricsAt(without.url)
    expect(metrics.get('colocate_ready')).toBe(0)
    expect(metrics.get('colocate_store_up')).toBe(0)
    await without.stop()
  })

  test('show that a draining server is not ready although its store can serve', async () => {
    const draining = await startServer({ DRAIN_MS: '4000' })
    const stream = await new Room(draining).follow()
    await stream.next()
    draining.child.kill('SIGTERM')
    await untilReady(draining, false)
    const metrics = await metricsAt(draining.url)
    expect(metrics.get('colocate_ready')).toBe(0)
    expect(metrics.get('colocate_store_up')).toBe(1)
    stream.close()
    await draining.stop()
  })

  test('are on a port of their own alone, if there is one', async () => {
    const port = await freePort()
    const own = await startServer({ ADMIN_PORT: `${port}` })
    expect((await metricsAt(`http://127.0.0.1:${port}`)).get('colocate_streams{log="rooms"}')).toBe(0)
    expect((await fetch(`${own.url}/metrics`)).status).toBe(404)
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404)
    await own.stop()
  })
})
