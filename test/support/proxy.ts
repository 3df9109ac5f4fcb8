/**
 * A TCP proxy in front of a Redis that does what networks do: slow down, go silent, break off.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** What a connection is for, by what it has said so far; sentinels and replicas have theirs for themselves. */
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
  /** What comes from this side goes nowhere, and the connection stays. */
  swallows: { requests: boolean; replies: boolean }
}

export class TestProxy {
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  #targetPort: number
  #refuses = false
  #delayMs = 0
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

  /** New connections go there. */
  lead(targetPort: number): void {
    this.#targetPort = targetPort
  }

  /** Replies come this much later. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  /** The connections of a kind stay, and what one side says on them goes nowhere. Those that come later are well. */
  swallow(kind: Kind, what: 'requests' | 'replies'): void {
    for (const pair of this.#pairs) if (pair.kind === kind) pair.swallows[what] = true
  }

  /** Whether a connection is left that was made silent. */
  get isSwallowing(): boolean {
    return [...this.#pairs].some(({ swallows }) => swallows.requests || swallows.replies)
  }

  /** Resolves when the reply to the next request that has this text was sent, and cut off on its way. */
  cutReplyTo(text: string): Promise<void> {
    return new Promise(resolve => {
      this.#cut = { text, resolve }
    })
  }

  /** Breaks off every connection, of one kind or all. */
  cut(kind?: Kind): void {
    for (const pair of this.#pairs) if (!kind || pair.kind === kind) this.#end(pair)
  }

  /** Breaks off every connection, and every new one at once; until it is told otherwise. */
  refuse(does: boolean): void {
    this.#refuses = does
    if (does) this.cut()
  }

  async stop(): Promise<void> {
    // Those, too, that are about to come.
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
