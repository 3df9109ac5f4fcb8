/**
 * A TCP proxy that does to connections what networks and proxies do: swallow what is said, be slow, hold streams back.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

interface Pair {
  client: Socket
  upstream: Socket
  isDead: boolean
}

export class TestLink {
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  /** Everything arrives this much later. */
  delayMs = 0
  /** An event stream is passed on only when it has ended, as security software does. */
  holdsStreams = false

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(targetPort: number): Promise<TestLink> {
    const server = createServer()
    const link = new TestLink(server)
    server.on('connection', client => link.#connect(client, targetPort))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return link
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The connections stay, and nothing that is said on them arrives any more, as after sleep. New ones are well. */
  swallow(): number {
    for (const pair of this.#pairs) pair.isDead = true
    return this.#pairs.size
  }

  async stop(): Promise<void> {
    this.#server.close()
    for (const { client } of this.#pairs) client.destroy()
    await once(this.#server, 'close')
  }

  #connect(client: Socket, targetPort: number): void {
    const upstream = connect(targetPort, '127.0.0.1')
    const pair: Pair = { client, upstream, isDead: false }
    this.#pairs.add(pair)
    let isHeld = false
    const pass = (to: Socket, bytes: Buffer) => {
      if (pair.isDead) return
      if (this.delayMs > 0) setTimeout(() => pair.isDead || to.write(bytes), this.delayMs)
      else to.write(bytes)
    }
    client.on('data', bytes => {
      isHeld = this.holdsStreams && bytes.toString('latin1').includes('/sse')
      pass(upstream, bytes)
    })
    upstream.on('data', bytes => isHeld || pass(client, bytes))
    for (const socket of [client, upstream]) {
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#pairs.delete(pair)
        client.destroy()
        upstream.destroy()
      })
    }
  }
}
