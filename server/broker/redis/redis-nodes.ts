/**
 * The nodes of one Redis, and whether they can serve.
 */
import type { Redis } from 'ioredis'
import type { Connections } from './connections.ts'
import { type NodeEvents, RedisNode } from './redis-node.ts'
import { silent, wordsOf } from './reply-error.ts'
import type { ScriptSources } from './script-sources.ts'

/** A node whose clock differs by more is reported. */
const maxSkewMs = 1_000

export class RedisNodes {
  readonly connections: Connections
  readonly #prefix: string
  readonly #sources = new Set<ScriptSources>()
  readonly #nodes = new WeakMap<Redis, RedisNode>()

  readonly #events: NodeEvents

  constructor(connections: Connections, prefix: string, events: NodeEvents) {
    this.connections = connections
    this.#prefix = prefix
    this.#events = events
  }

  /** The nodes that accept writes, as far as this instance knows. */
  masters(): RedisNode[] {
    return this.connections.masters().map(redis => this.#of(redis))
  }

  /** The node that a key belongs to, as far as this instance knows. */
  nodeOf(key: string): RedisNode | undefined {
    const redis = this.connections.nodeOf(key)
    return redis && this.#of(redis)
  }

  /** The node at an address that another node has named. */
  nodeAt(address: string): RedisNode {
    return this.#of(this.connections.nodeAt(address))
  }

  /** Loads scripts at every node, now and over each new connection. */
  register(sources: ScriptSources): void {
    this.#sources.add(sources)
    // A script that could not be loaded is loaded when it is run.
    for (const node of this.masters()) if (node.isPrepared) node.load(sources).catch(() => {})
  }

  check(): void {
    for (const node of this.masters()) void node.check()
  }

  /** A topic or key name for `format` that belongs to a node: the first one whose number leads to a slot of that node. */
  ownName(node: Redis, format: (n: number) => string): string {
    const { isCluster } = this.connections
    const maxTries = isCluster ? 10_000 : 1
    for (let n = 0; n < maxTries; n++) {
      if (!isCluster || this.connections.nodeOf(format(n)) === node) return format(n)
    }
    return format(0)
  }

  /** Why scripts can't be run; null if they can. */
  unavailableReason(): string | null {
    const nodes = this.masters()
    const refusing = nodes.find(({ refusal }) => refusal !== null)
    if (refusing) return `Redis refuses${this.#at(refusing)}: ${refusing.refusal}`
    if (
      this.connections.commands.status === 'ready' &&
      nodes.some(({ clock, isWritable }) => clock.isKnown && isWritable)
    )
      return null
    const { lastError } = this.connections
    return `${silent}${lastError ? `: ${wordsOf(lastError)}` : ''}`
  }

  /** The nodes whose clocks differ from this machine's. */
  skews(): { address: string; text: string }[] {
    const skewed = this.masters().filter(({ clock }) => clock.isKnown && Math.abs(clock.aheadMs) > maxSkewMs)
    return skewed.map(({ redis, clock }) => {
      const seconds = (Math.abs(clock.aheadMs) / 1_000).toFixed(1)
      const address = addressOf(redis)
      return { address, text: `the clock of ${address} is ${seconds} s ${clock.aheadMs > 0 ? 'ahead' : 'behind'}` }
    })
  }

  /** A reason, and the nodes whose clocks differ, which may be its cause. */
  withSkews(reason: string): string {
    const skews = this.skews()
    return skews.length > 0 ? `${reason} (${skews.map(({ text }) => text).join('; ')})` : reason
  }

  #at({ redis }: RedisNode): string {
    return this.connections.isCluster ? ` at ${addressOf(redis)}` : ''
  }

  #of(redis: Redis): RedisNode {
    const known = this.#nodes.get(redis)
    if (known) return known
    const node = new RedisNode(redis, {
      database: this.connections.database,
      sources: this.#sources,
      events: this.#events,
      epochKey: () => this.ownName(redis, n => `${this.#prefix}:{epoch/${n}}`),
    })
    this.#nodes.set(redis, node)
    return node
  }
}

function addressOf({ options: { host, port } }: Redis): string {
  return `${host}:${port}`
}
