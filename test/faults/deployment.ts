/**
 * Instances on a Redis whose connections, nodes and data can be broken.
 */
import { setTimeout } from 'node:timers/promises'
import { send } from '../support/requests.ts'
import { untilReady } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'
import type { Store } from './store.ts'
import type { WorkloadOptions } from './workload.ts'

/** Leases outlast the test: who is where is a matter of the locations alone. */
export const calm = { LEASE_MS: '600000', POST_RATE: '1000000', HISTORY_LENGTH: '20000' }

const lookMs = 20

export class Deployment<S extends Store = Store> implements WorkloadOptions {
  readonly store: S
  readonly servers: TestServer[] = []
  readonly #env: Record<string, string>
  #stopped: TestServer | undefined

  private constructor(store: S, env: Record<string, string>) {
    this.store = store
    this.#env = { ...calm, ...store.env, ...env }
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

  /** Another instance. */
  async start(): Promise<TestServer> {
    const server = await startServer(this.#env)
    await untilReady(server, true)
    this.servers.push(server)
    return server
  }

  /** Its store stays. */
  async stop(): Promise<void> {
    for (const { child } of this.servers) child.kill('SIGCONT')
    await Promise.all(this.servers.map(server => server.stop()))
  }

  urls = () => this.servers.map(({ url }) => url)

  /** Where writers are answered. */
  writable = () => this.servers.filter(server => server !== this.#stopped).map(({ url }) => url)

  /** Whether the instances that are read from hear of the room. A reader who was refused once has gone to another. */
  isHeard = async (room: string, urls: ReadonlySet<string>) => (await this.store.listeners(room)) === urls.size

  /** Stops an instance (SIGSTOP) while something happens. */
  async stopOne(meanwhile: () => Promise<unknown>): Promise<void> {
    const [server] = this.servers
    this.#stopped = server
    server?.child.kill('SIGSTOP')
    await meanwhile().finally(() => {
      server?.child.kill('SIGCONT')
      this.#stopped = undefined
    })
  }

  /**
   * Asks every instance again and again whether it is ready while something happens. Gives the URLs of those that once
   * were not.
   */
  async unreadyDuring(happening: () => Promise<unknown>): Promise<string[]> {
    const unready = new Set<string>()
    let isOver = false
    const watching = this.servers.map(async ({ port, url }) => {
      while (!isOver) {
        if ((await send(port, 'GET', '/readyz')).status === 503) unready.add(url)
        await setTimeout(lookMs)
      }
    })
    try {
      await happening()
    } finally {
      isOver = true
      await Promise.all(watching)
    }
    return this.urls().filter(url => unready.has(url))
  }
}
