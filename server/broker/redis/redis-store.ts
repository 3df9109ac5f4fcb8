/**
 * One Redis, as this process knows it: its connections, its clock, and what is subscribed there. Every broker on it uses
 * the same, and here they are looked after, again and again.
 */
import { nanoid } from 'nanoid'
import { Clock } from './clock.ts'
import type { Connections } from './connections.ts'
import { Subscriptions } from './subscriptions.ts'

/** Hears of each script that was answered, and how long that took. */
export type OnRoundTrip = (script: string, ms: number) => void

const pulseMs = 1_000

export class RedisStore {
  readonly connections: Connections
  /** Begins every key and channel. */
  readonly prefix: string
  readonly clock = new Clock()
  readonly subscriptions: Subscriptions
  readonly onRoundTrip: OnRoundTrip
  /** Without a master for some of its slots, a cluster takes no command at all, though it answers and publishes. */
  #isDown = false
  #pulse: NodeJS.Timeout | undefined
  #isClosed = false

  /** The connections are the store's from here on; `close` ends them. */
  constructor(connections: Connections, prefix: string, onRoundTrip: OnRoundTrip = () => {}) {
    this.connections = connections
    this.prefix = prefix
    this.onRoundTrip = onRoundTrip
    this.subscriptions = new Subscriptions(connections, `${prefix}:probe:${nanoid(8)}`)
    connections.commands.on('ready', () => this.#beat())
    this.#beat()
  }

  /** Why it can't serve at present; null when it can. Answers from what is known. */
  unavailableReason(): string | null {
    if (this.connections.commands.status !== 'ready' || !this.clock.isKnown) return 'Redis does not answer'
    if (this.#isDown) return 'The Redis cluster is down'
    return this.subscriptions.unavailableReason()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#pulse)
    this.subscriptions.close()
    this.connections.commands.disconnect()
  }

  /** Looks after the connections now, and then again and again. */
  #beat(): void {
    if (this.#isClosed) return
    clearTimeout(this.#pulse)
    this.#pulse = setTimeout(() => this.#beat(), pulseMs)
    const { commands, isCluster } = this.connections
    // What cannot be asked now is asked at the next beat, and shows in `unavailableReason`.
    this.clock.read(this.connections.masters()).catch(() => {})
    if (isCluster) void this.#lookAtCluster()
    this.subscriptions
      .probe((channel, payload) =>
        isCluster ? commands.spublish(channel, payload) : commands.publish(channel, payload),
      )
      .catch(() => {})
  }

  async #lookAtCluster(): Promise<void> {
    const said = await Promise.allSettled(this.connections.masters().map(node => node.cluster('INFO')))
    const infos = said.flatMap(result => (result.status === 'fulfilled' ? [String(result.value)] : []))
    this.#isDown = infos.length > 0 && infos.every(info => info.includes('cluster_state:fail'))
  }
}
