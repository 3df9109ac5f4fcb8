/** `/metrics`, for Prometheus. */
import { describe, expect, test } from '@jest/globals'
import { freePort } from '../support/ports.ts'
import { Room, useServer } from '../support/rooms.ts'
import { startServer } from '../support/server.ts'

async function metricsAt(url: string): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`)
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  const lines = (await response.text()).split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}

describe('the metrics', () => {
  const server = useServer('redis', { MAX_STREAMS: '3' })

  test('count streams, joins, events, deliveries and refusals', async () => {
    const room = new Room(server)
    const first = await room.put('alice', 1, 1)
    const streams = await Promise.all([room.follow(), room.follow(), room.follow({ lastEventId: first })])
    for (const stream of streams) await stream.next()
    await room.put('alice', 2, 2)
    for (const stream of streams) await stream.next('location')
    await room.post({ user: 'alice' })
    const fourth = await room.follow()
    await fourth.ended()
    const metrics = await metricsAt(server.url)
    expect(metrics.get('colocate_streams{log="rooms"}')).toBe(3)
    expect(metrics.get('colocate_streams_behind{log="rooms"}')).toBe(0)
    expect(metrics.get('colocate_joins_total{log="rooms",outcome="joined"}')).toBe(2)
    expect(metrics.get('colocate_joins_total{log="rooms",outcome="resumed"}')).toBe(1)
    expect(metrics.get('colocate_events_total{log="rooms"}')).toBe(1)
    expect(metrics.get('colocate_deliveries_total{log="rooms"}')).toBe(3)
    expect(metrics.get('colocate_sent_bytes_total{log="rooms"}')).toBeGreaterThan(300)
    expect(metrics.get('colocate_frame_events_count{log="rooms"}')).toBe(1)
    expect(metrics.get('colocate_delivery_seconds_count{log="rooms"}')).toBe(1)
    expect(metrics.get('colocate_refused_total{status="400"}')).toBe(1)
    expect(metrics.get('colocate_streams_refused_total{reason="full"}')).toBe(1)
    expect(metrics.get('colocate_store_seconds_count{script="publish"}')).toBe(2)
    expect(metrics.get('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0)
    // Reading the metrics again does not add the counters up.
    expect((await metricsAt(server.url)).get('colocate_deliveries_total{log="rooms"}')).toBe(3)
    for (const stream of streams) stream.close()
  })

  test('are served only on ADMIN_PORT if it is set', async () => {
    const port = await freePort()
    const own = await startServer({ ADMIN_PORT: `${port}` })
    expect((await metricsAt(`http://127.0.0.1:${port}`)).get('colocate_streams{log="rooms"}')).toBe(0)
    expect((await fetch(`${own.url}/metrics`)).status).toBe(404)
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404)
    await own.stop()
  })
})
