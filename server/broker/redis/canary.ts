/**
 * Shows whether each node accepts writes: a script does what a publish does, in a topic of this instance's own, and leaves
 * nothing behind. So a Redis that refuses is known on an idle instance, too.
 */
import type { RedisNode } from './redis-node.ts'
import { isReplyError, Refusal, redirectionOf, wordsOf } from './reply-error.ts'
import { type ScriptContext, Scripts } from './scripts.ts'

const options = { historyLength: 1, historyTtlMs: 10_000, leaseMs: 60_000, graceMs: 1_000 }
/** How many slots are asked for at a node that refuses keys of two slots. */
const maxSlots = 20

export interface CanaryEvents {
  /** A node has accepted or refused the write. */
  onAnswer(): void
  /** Receives the errors of Redis and ioredis. */
  onError(error: unknown): void
}

export class Canary {
  readonly #context: ScriptContext
  readonly #scripts: Scripts
  readonly #holder: string
  readonly #writing = new Set<RedisNode>()

  readonly #events: CanaryEvents

  /** `holder` is this instance's own name. */
  constructor(context: ScriptContext, holder: string, events: CanaryEvents) {
    this.#context = context
    this.#events = events
    this.#scripts = new Scripts(context, options, ['canary'])
    this.#holder = holder
  }

  /** Writes to every prepared node whose last write has been answered. */
  write(nodes: RedisNode[]): void {
    for (const node of nodes) if (node.isPrepared && !this.#writing.has(node)) void this.#writeTo(node)
  }

  async #writeTo(node: RedisNode): Promise<void> {
    this.#writing.add(node)
    const start = performance.now()
    try {
      const calls = this.#topics(node.redis).map(topic => ({ topic, args: [] }))
      await this.#scripts.runAt(node, 'canary', calls)
      node.accepts()
      this.#context.onRoundTrip('canary', performance.now() - start)
    } catch (error) {
      await this.#refused(node, error)
    } finally {
      this.#writing.delete(node)
      this.#events.onAnswer()
    }
  }

  async #refused(node: RedisNode, error: unknown): Promise<void> {
    const words = isReplyError(error) ? wordsOf(error) : ''
    // The script's own run loads it again.
    if (words.startsWith('NOSCRIPT')) return void node.loadAgain()
    if (this.#context.connections.isCluster) {
      // The slot has moved, or moves at the moment. The next canary uses another one.
      if (redirectionOf(error) || words.startsWith('TRYAGAIN')) return
    } else if (words.startsWith('CROSSSLOT')) error = await this.#redirection(node, error)
    node.refuses(error)
    this.#events.onError(error)
  }

  /**
   * A node of a cluster refuses keys of two slots in one script. What it says of a key of another node says more; a cluster
   * of one node has none.
   */
  async #redirection({ redis }: RedisNode, error: unknown): Promise<unknown> {
    const hint = '; this Redis is a node of a cluster: set REDIS_CLUSTER'
    for (let n = 0; n < maxSlots; n++) {
      try {
        await redis.exists(`${this.#context.prefix}:{probe/${n}}`)
      } catch (other) {
        if (redirectionOf(other)) return new Refusal(wordsOf(other) + hint)
      }
    }
    return new Refusal(wordsOf(error) + hint)
  }

  /** In a cluster, a topic whose slot is the node's. Otherwise two, because one script must be able to write several. */
  #topics(node: RedisNode['redis']): string[] {
    const { nodes, prefix, connections } = this.#context
    if (!connections.isCluster) return ['a', 'b'].map(name => `canary/${this.#holder}/${name}`)
    const base = nodes.ownName(node, n => `${prefix}:{canary/${this.#holder}/${n}}`)
    return [base.slice(prefix.length + 2, -1)]
  }
}
