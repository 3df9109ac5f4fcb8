/**
 * A small Colocate server over real HTTP that answers the next requests as a test says, and otherwise as the contract does.
 */
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Location, LocationUpdate, RoomEvent } from '../../web/wire.ts'

export interface Received {
  kind: 'stream' | 'publish' | 'alive' | 'list' | 'leave'
  url: URL
  headers: IncomingHttpHeaders
  body: LocationUpdate
  at: number
}

export type Answer = (res: ServerResponse, received: Received) => void

const timeoutMs = 30_000

export class ScriptedServer {
  readonly received: Received[] = []
  /** How the next requests of a kind are answered. */
  readonly script: Record<Received['kind'], Answer[]> = { stream: [], publish: [], alive: [], list: [], leave: [] }
  /** How all others of a kind are answered. */
  readonly always: Partial<Record<Received['kind'], Answer>> = {}
  readonly streams = new Set<ServerResponse>()
  #log: { id: string; event: RoomEvent }[] = []
  #nextId = 1
  readonly #changes = new EventEmitter().setMaxListeners(0)
  readonly #server = createServer((req, res) => void this.#answer(req, res))

  static async start(): Promise<ScriptedServer> {
    const server = new ScriptedServer()
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  count(kind: Received['kind']): number {
    return this.received.filter(each => each.kind === kind).length
  }

  /** Resolves with the request once there are that many of its kind. */
  async nth(kind: Received['kind'], n: number): Promise<Received> {
    const signal = AbortSignal.timeout(timeoutMs)
    for (;;) {
      const found = this.received.filter(each => each.kind === kind)[n - 1]
      if (found) return found
      await once(this.#changes, 'change', { signal })
    }
  }

  /** Appends an event to the log, and sends it to the open streams. */
  append(event: RoomEvent): string {
    const id = `${this.#nextId++}-0`
    this.#log.push({ id, event })
    for (const stream of this.streams) stream.write(frame(event, id))
    return id
  }

  move(user: string, x: number, y = 0): string {
    return this.append({ type: 'location', ...locationOf(user, { x, y }) })
  }

  /** The log keeps only its last entries: an id before them is unknown. */
  trim(kept: number): void {
    this.#log = this.#log.slice(-kept)
  }

  /** As after a restart without a store. Ids go on, as they do by the clock. */
  clear(): void {
    this.#log = []
    this.#nextId += 100
    this.cut()
  }

  /** As after a failover to a replica that lacks what came after the first entries. Other ids follow. */
  goBack(kept: number): void {
    this.#log = this.#log.slice(0, kept)
    this.#nextId += 100
    this.cut()
  }

  /** Breaks off every open stream. */
  cut(): void {
    for (const stream of this.streams) stream.destroy()
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? '', this.url)
    let text = ''
    for await (const chunk of req.setEncoding('utf8')) text += chunk
    const received: Received = {
      kind: kindOf(req.method ?? '', url.pathname),
      url,
      headers: req.headers,
      body: text === '' ? {} : JSON.parse(text),
      at: Date.now(),
    }
    this.received.push(received)
    const answer = this.script[received.kind].shift() ?? this.always[received.kind] ?? this.#usual
    answer(res, received)
    this.#changes.emit('change')
  }

  readonly #usual: Answer = (res, received) => {
    if (received.kind === 'stream') this.open(res, received)
    else if (received.kind === 'publish') {
      const { user = 'anonymous' } = received.body
      const id = this.append({ type: 'location', ...locationOf(user, received.body) })
      json(res, { id, user })
    } else if (received.kind === 'list') {
      json(res, { room: 'r', lastEventId: this.#log.at(-1)?.id ?? '0-0', locations: this.#locations() })
    } else res.writeHead(204).end()
  }

  /** Begins a stream as the contract says. */
  readonly open: Answer = (res, { url, headers }) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    const lastEventId = headers['last-event-id']?.toString() ?? url.searchParams.get('lastEventId')
    const index = this.#log.findIndex(({ id }) => id === lastEventId)
    res.write('retry: 1000\n')
    if (index >= 0) {
      const missed = this.#log.slice(index + 1)
      res.write(frame({ type: 'resumed', missed: missed.length }))
      for (const { id, event } of missed) res.write(frame(event, id))
    } else {
      const reason = lastEventId ? 'reset' : 'joined'
      res.write(frame({ type: 'snapshot', reason, locations: this.#locations() }, this.#log.at(-1)?.id ?? '0-0'))
    }
    this.streams.add(res)
    res.on('close', () => this.streams.delete(res))
  }

  #locations(): Location[] {
    const locations = new Map<string, Location>()
    for (const { event } of this.#log) {
      if (event.type === 'location') locations.set(event.user, event)
      if (event.type === 'leave') locations.delete(event.user)
    }
    return [...locations.values()]
  }
}

export const frame = (event: RoomEvent, id?: string) =>
  `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(event)}\n\n`

/** Answers with a status, as a proxy or the server does. */
export const status =
  (status: number, headers: Record<string, string> = {}, body = ''): Answer =>
  res =>
    void res.writeHead(status, headers).end(body)

export const problem = (code: number, detail: string): Answer =>
  status(
    code,
    { 'content-type': 'application/problem+json' },
    JSON.stringify({ title: 'Refused', status: code, detail }),
  )

export const locationOf = (user: string, { x, y, name = user, color = '#112233', meta }: LocationUpdate): Location => ({
  user,
  name,
  color,
  x,
  y,
  ...(meta && { meta }),
  at: Date.now(),
})

function json(res: ServerResponse, body: object): void {
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function kindOf(method: string, path: string): Received['kind'] {
  if (path.endsWith('/sse')) return 'stream'
  if (path.endsWith('/alive')) return 'alive'
  if (method === 'POST') return 'publish'
  return method === 'DELETE' ? 'leave' : 'list'
}
