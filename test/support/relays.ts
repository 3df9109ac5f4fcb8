/**
 * Settings, requests and answers for the tests of the relay.
 */
import type { TestServer } from './server.ts'
import { openStream, type TestStream } from './streams.ts'
import type { Upstream } from './upstream.ts'

/** Returns settings that allow the relay to call `upstream`. The rate limit is too high to be reached. */
export function relaying(upstream: Upstream, env: Record<string, string> = {}): Record<string, string> {
  const upstreams = [
    { prefix: upstream.origin, headers: { authorization: `Bearer \${RELAY_KEY}`, 'x-team': 'colocate' } },
  ]
  return { RELAY_UPSTREAMS: JSON.stringify(upstreams), RELAY_KEY: key, RELAY_RATE: '1000000', ...env }
}

/** The operator's API key for the upstream. */
export const key = 'sk-operator-0123456789/abcdef'

export interface RelayStream extends TestStream {
  /** The path of the run. */
  run: string
}

/** Starts a run. `parts` are further fields of the body, `headers` those of the POST itself. */
export async function post(
  server: TestServer,
  targetUrl: string,
  parts: object = {},
  headers: Record<string, string> = {},
): Promise<RelayStream> {
  const stream = await openStream(`${server.url}/forward-sse`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ targetUrl, ...parts }),
  })
  return Object.assign(stream, { run: runOf(stream) })
}

/** Returns the path of the run, or '' without `Location`, which is relative to the path of the request. */
export function runOf({ headers }: TestStream): string {
  const location = headers.get('location')
  return location === null ? '' : new URL(location, 'http://host/forward-sse').pathname
}

export function resume(server: TestServer, run: string, lastEventId = ''): Promise<TestStream> {
  return openStream(server.url + run, { headers: lastEventId ? { 'last-event-id': lastEventId } : {} })
}

/** Resolves with the problem that the server answered instead of a stream. */
export async function readProblem(stream: TestStream): Promise<{
  status: number
  detail: string
  upstream: { status: number; body: string }
}> {
  await stream.ended()
  return JSON.parse(stream.text)
}

/** Returns the received events without their ids. */
export function withoutIds(stream: TestStream): { event: string | undefined; data: string }[] {
  return stream.events.map(({ event, data }) => ({ event, data }))
}
