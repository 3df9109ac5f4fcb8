/**
 * Servers with either store for a test file, and rooms that no other test uses.
 */
import { afterAll, beforeAll } from '@jest/globals'
import { nanoid } from 'nanoid'
import type { Location } from '../../web/wire.ts'
import { startRedis, type TestRedis } from './redis.ts'
import { type Answer, type RequestParts, send } from './requests.ts'
import { startServer, type TestServer } from './server.ts'
import { openStream, type TestStream } from './streams.ts'

export const stores = ['memory', 'redis'] as const
export type Store = (typeof stores)[number]

/** Starts a redis-server before the tests of the block, and ends it after them. */
export function useRedis(): TestRedis {
  const redis = {} as TestRedis
  beforeAll(async () => {
    Object.assign(redis, await startRedis())
  })
  afterAll(() => redis.stop?.())
  return redis
}

/** Starts a server before the tests of the block, with its own store or a shared Redis, and ends it after them. */
export function useServer(store: Store | TestRedis, env: Record<string, string> = {}): TestServer {
  const server = {} as TestServer
  const redis = store === 'redis' ? useRedis() : store
  beforeAll(async () => {
    Object.assign(server, await startServer(redis === 'memory' ? env : { REDIS_URL: redis.url, ...env }))
    await untilReady(server, true)
  })
  afterAll(() => server.stop?.())
  return server
}

/** Requests `/readyz` until it reports the expected state, and resolves with that answer. */
export async function untilReady({ port }: TestServer, isReady: boolean): Promise<Answer> {
  const deadline = performance.now() + 15_000
  for (;;) {
    const answer = await send(port, 'GET', '/readyz')
    if ((answer.status === 200) === isReady) return answer
    if (performance.now() > deadline) throw new Error(`/readyz still answers ${answer.status}: ${answer.text}`)
  }
}

/** The query of a stream. */
export interface Follow {
  user?: string
  ack?: string
  lastEventId?: string
}

export class Room {
  readonly name: string
  readonly path: string
  readonly #server: TestServer

  constructor(server: TestServer, name = nanoid()) {
    this.#server = server
    this.name = name
    this.path = `/rooms/${name}/location`
  }

  /** Returns the same room at another instance. */
  at(server: TestServer): Room {
    return new Room(server, this.name)
  }

  send(method: string, rest: string, parts?: RequestParts): Promise<Answer> {
    return send(this.#server.port, method, this.path + rest, parts)
  }

  post(json: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send('POST', '', { json, headers })
  }

  /** Publishes a location and returns the event's id. */
  async put(user: string, x: number, y: number, more: object = {}): Promise<string> {
    const { status, text, body } = await this.post({ user, x, y, ...more })
    if (status !== 200 || body.id === undefined) throw new Error(`${status}: ${text}`)
    return body.id
  }

  alive(json: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send('POST', '/alive', { json, headers })
  }

  leave(user: string): Promise<Answer> {
    return this.send('DELETE', `/${encodeURIComponent(user)}`)
  }

  get(): Promise<Answer> {
    return this.send('GET', '')
  }

  /** Returns the locations of the room by user, from a GET. */
  async who(): Promise<Map<string, Location>> {
    const { status, text, body } = await this.get()
    if (status !== 200 || !body.locations) throw new Error(`${status}: ${text}`)
    return new Map(body.locations.map(location => [location.user, location]))
  }

  /** Opens a stream of the room. */
  follow(query: Follow = {}, headers: Record<string, string> = {}): Promise<TestStream> {
    return openStream(`${this.#server.url}${this.path}/sse?${new URLSearchParams({ ...query })}`, { headers })
  }
}

/** Returns the time of an event in milliseconds since 1970, by the log's clock. */
export function timeOf(id: string | undefined): number {
  return Number(id?.split('-')[0])
}
