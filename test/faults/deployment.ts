/**
 * Server instances that share one store. The tests break the store's connections, nodes and data.
 */
import { setTimeout } from 'node:timers/promises'
import { send } from '../support/requests.ts'
import { untilReady } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'
import type { Store } from './store.ts'
import type { WorkloadOptions } from './workload.ts'

/** Leases outlast the test, so only the published locations change the state of a room. */
export const longLeases = { LEASE_MS: '600000', POST_RATE: '1000000', HISTORY_LENGTH: '20000' }

const pollMs = 20

export class Deployment<S extends Store = Store> implements WorkloadOptions {
  readonly store: S
  readonly servers: TestServer[] = []
  readonly #env: Record<string, string>
  #stopped: TestServer | undefined

  private constructor(store: S, env: Record<string, string>) {
    this.store = store
    this.#env = { ...longLeases, ...store.env, ...env }
  }

  static async start<S extends Store>(store: S, env: Record<string, string> = {}, count = 2): Promise<Deployment<S>> {
    const deployment = new Deployment(store, env)
    try {
      await Promise.all(Array.from({ length: count }, () => deployment.start()))
    } catch (error) {
      await deployment.stop()
      throw error
    }
    return deployment
  }

  /** Starts another instance. */
  async start(): Promise<TestServer> {
    const server = await startServer(this.#env)
    await untilReady(server, true)
    this.servers.push(server)
    return server
  }

  /** Stops the instances. The store keeps running. */
  async stop(): Promise<void> {
    for (const { child } of this.servers) child.kill('SIGCONT')
    await Promise.all(this.servers.map(server => server.stop()))
  }

  urls = () => this.servers.map(({ url }) => url)

  /** The URLs of the instances that can respond to writers. */
  writable = () => this.servers.filter(server => server !== this.#stopped).map(({ url }) => url)

  /** Whether the instances at `urls`, to which the readers are connected, are subscribed to the room. */
  isSubscribed = async (room: string, urls: ReadonlySet<string>) => (await this.store.listeners(room)) === urls.size

  /** Suspends an instance with SIGSTOP until `meanwhile` settles. */
  async suspendOne(meanwhile: () => Promise<unknown>): Promise<void> {
    const [server] = this.servers
    this.#stopped = server
    server?.child.kill('SIGSTOP')
    await meanwhile().finally(() => {
      server?.child.kill('SIGCONT')
      this.#stopped = undefined
    })
  }

  /** Polls the readiness of every instance until `action` settles. Returns the URLs of those that were not ready. */
  async unreadyDuring(action: () => Promise<unknown>): Promise<string[]> {
    const unready = new Set<string>()
    let isOver = false
    const polling = this.servers.map(async ({ port, url }) => {
      while (!isOver) {
        if ((await send(port, 'GET', '/readyz')).status === 503) unready.add(url)
        await setTimeout(pollMs)
      }
    })
    try {
      await action()
    } finally {
      isOver = true
      await Promise.all(polling)
    }
    return this.urls().filter(url => unready.has(url))
  }
}
