/**
 * A TCP proxy in front of a Redis, with the faults of a network: delays, lost data and broken connections.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** The purpose of a connection, detected from the data that the client has sent. */
export type Kind = 'commands' | 'subscription' | 'sentinel' | 'replication'

const signs: [Kind, RegExp][] = [
  ['sentinel', /\r\n__sentinel__:hello\r\n/],
  ['replication', /\r\nPSYNC\r\n/],
  ['subscription', /\r\ns?subscribe\r\n/i],
]

interface Pair {
  client: Socket
  upstream: Socket
  kind: Kind
  /** Whether the proxy discards the data of this direction and keeps the connection. */
  swallows: { requests: boolean; replies: boolean }
}

export class TestProxy {
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  #targetPort: number
  #refuses = false
  /** `REDIS_DELAY_MS` runs whole suites with a Redis that is far away. */
  #delayMs = Number(process.env.REDIS_DELAY_MS ?? 0)
  #cut: { text: string; resolve(): void } | null = null

  private constructor(server: Server, targetPort: number) {
    this.#server = server
    this.#targetPort = targetPort
    server.on('connection', client => this.#connect(client))
  }

  static async start(targetPort: number): Promise<TestProxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new TestProxy(server, targetPort)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Sets the target of new connections. */
  lead(targetPort: number): void {
    this.#targetPort = targetPort
  }

  /** Delays replies. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  /** Discards one direction of the open connections of a kind. Later connections are not affected. */
  swallow(kind: Kind, what: 'requests' | 'replies'): void {
    for (const pair of this.#pairs) if (pair.kind === kind) pair.swallows[what] = true
  }

  /** Whether a connection whose data is discarded is still open. */
  get isSwallowing(): boolean {
    return [...this.#pairs].some(({ swallows }) => swallows.requests || swallows.replies)
  }

  /** Breaks the connection when Redis replies to the next request that contains `text`. Resolves then. */
  cutReplyTo(text: string): Promise<void> {
    return new Promise(resolve => {
      this.#cut = { text, resolve }
    })
  }

  /** Breaks every connection, of one kind or of all. */
  cut(kind?: Kind): void {
    for (const pair of this.#pairs) if (!kind || pair.kind === kind) this.#end(pair)
  }

  /** Breaks every connection and refuses new ones, until it is called with false. */
  refuse(does: boolean): void {
    this.#refuses = does
    if (does) this.cut()
  }

  async stop(): Promise<void> {
    // Also breaks connections that are about to open.
    this.refuse(true)
    this.#server.close()
    await once(this.#server, 'close')
  }

  #connect(client: Socket): void {
    client.on('error', () => {})
    if (this.#refuses) {
      client.resetAndDestroy()
      return
    }
    const upstream = connect(this.#targetPort, '127.0.0.1')
    const pair: Pair = { client, upstream, kind: 'commands', swallows: { requests: false, replies: false } }
    this.#pairs.add(pair)
    let cut: { resolve(): void } | null = null
    client.on('data', bytes => {
      const text = bytes.toString('latin1')
      for (const [kind, sign] of signs) if (pair.kind === 'commands' && sign.test(text)) pair.kind = kind
      if (pair.swallows.requests) return
      if (this.#cut && text.includes(this.#cut.text)) {
        cut = this.#cut
        this.#cut = null
      }
      upstream.write(bytes)
    })
    upstream.on('data', bytes => {
      if (cut) {
        this.#end(pair)
        cut.resolve()
      } else if (pair.swallows.replies) return
      else if (this.#delayMs > 0) setTimeout(() => client.write(bytes), this.#delayMs)
      else client.write(bytes)
    })
    for (const socket of [client, upstream]) {
      socket.on('error', () => {})
      socket.on('close', () => this.#end(pair))
    }
  }

  #end(pair: Pair): void {
    this.#pairs.delete(pair)
    pair.client.destroy()
    pair.upstream.destroy()
  }
}
