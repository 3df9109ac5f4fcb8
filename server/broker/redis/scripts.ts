/**
 * Runs the Lua scripts by their hash, at the node that their topic belongs to.
 *
 * A script is one atomic step in Redis. It can handle the topics of several calls; in a cluster, only `runTogether`
 * combines calls. A script never runs twice for one call, because a lost reply may have been a success. It never runs
 * after its caller has received an error, because it has a deadline by the node's clock. Before that deadline, a script
 * that was not run (`NOSCRIPT`, `MOVED`, `ASK`, `TRYAGAIN`) is sent again.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type BrokerOptions, Unavailable } from '../broker.ts'
import { type Connections, commandTimeoutMs } from './connections.ts'
import type { RedisNode } from './redis-node.ts'
import type { RedisNodes } from './redis-nodes.ts'
import { isReplyError, redirectionOf, silent, timedOut, wordsOf } from './reply-error.ts'
import { type ScriptName, ScriptSources } from './script-sources.ts'

export interface Call {
  topic: string
  args: (string | number)[]
}

/** Receives the duration of each script that Redis has answered. */
export type OnRoundTrip = (script: string, ms: number) => void

/** What scripts need of the Redis that they run in. */
export interface ScriptContext {
  readonly connections: Connections
  readonly nodes: RedisNodes
  /** Every key and channel begins with it. */
  readonly prefix: string
  readonly onRoundTrip: OnRoundTrip
  /** Receives each error with which a script has failed. */
  onScriptError(error: unknown): void
}

/** Redis may start a script until this long after it was first sent. It is less than the time that the caller waits. */
const deadlineMs = commandTimeoutMs - 200
/** The pause before a script is sent again if its keys are being migrated or if two nodes redirect it to each other. */
const tryAgainMs = 50
/** How many attempts follow each other without a pause. */
const quickAttempts = 4
const maxAttempts = 40
/** How much may be on its way to Redis. */
const maxPendingBytes = 32 * 1024 * 1024

export class Scripts {
  readonly #context: ScriptContext
  readonly #sources: ScriptSources
  #pendingBytes = 0

  constructor(context: ScriptContext, options: BrokerOptions, names?: readonly ScriptName[]) {
    this.#context = context
    const { isCluster, database } = context.connections
    this.#sources = new ScriptSources({ ...options, isCluster, database }, names)
    context.nodes.register(this.#sources)
  }

  channel(topic: string): string {
    return `${this.#base(topic)}:events${this.#sources.channelSuffix}`
  }

  /** Runs a script on a topic. Rejects with `Unavailable` if Redis does not answer or refuses. */
  async run(name: ScriptName, topic: string, ...args: Call['args']): Promise<unknown> {
    const [reply] = this.runAll(name, [{ topic, args }])
    return reply
  }

  /** Runs a script on the topic of each call. Returns one promise for each call, which settles as that of `run`. */
  runAll(name: ScriptName, calls: Call[]): Promise<unknown>[] {
    const steps = this.#context.connections.isCluster ? calls.map(call => [call]) : [calls]
    return steps.flatMap(step => {
      const replies = this.#step(name, step)
      return step.map(async (_, i) => {
        const reply = (await replies)[i]
        if (reply instanceof Error) throw this.#failed(reply)
        return reply
      })
    })
  }

  /** The node that a topic belongs to, as far as this instance knows. Without a cluster there is only one. */
  nodeOf(topic: string): RedisNode | undefined {
    return this.#context.nodes.nodeOf(this.#keys(topic)[0] ?? '')
  }

  /**
   * Runs one script on several topics of one node, even in a cluster: a script that declares no keys may use the keys
   * of every slot of its node. If a topic has moved to another node, its call is sent again as a script of its own. The
   * promises settle as those of `runAll`.
   */
  runTogether(name: ScriptName, calls: Call[]): Promise<unknown>[] {
    if (!this.#context.connections.isCluster || calls.length < 2) return this.runAll(name, calls)
    const replies = this.#runUndeclared(name, calls)
    return calls.map(async ({ topic, args }, i) => {
      const reply = (await replies)[i]
      if (!(reply instanceof Error)) return reply
      if (isElsewhere(reply)) return this.run(name, topic, ...args)
      throw this.#failed(reply)
    })
  }

  /** Resolves with the reply or the error of each topic. */
  async #runUndeclared(name: ScriptName, calls: Call[]): Promise<unknown[]> {
    const node = this.nodeOf(calls[0]?.topic ?? '')
    const args = calls.flatMap(call => [this.#base(call.topic), call.args.length, ...call.args])
    const start = performance.now()
    try {
      if (!node?.clock.isKnown) throw new Error(silent)
      await within(node.whenPrepared(), commandTimeoutMs)
      const send = () => this.#evalsha(node, name, [], args, start + deadlineMs, false)
      const replies = await send().catch(error => {
        if (!isReplyError(error) || !wordsOf(error).startsWith('NOSCRIPT')) throw error
        this.#load(node, name)
        return send()
      })
      this.#context.onRoundTrip(name, performance.now() - start)
      return replies
    } catch (error) {
      return calls.map(() => error)
    }
  }

  /** Runs a script at a node, once. Rejects with the error of Redis or ioredis. */
  async runAt(node: RedisNode, name: ScriptName, calls: Call[]): Promise<unknown[]> {
    await node.whenPrepared()
    const keys = calls.flatMap(({ topic }) => this.#keys(topic))
    const replies = await this.#evalsha(node, name, keys, argsOf(calls), performance.now() + deadlineMs, false)
    const failure = replies.find(reply => reply instanceof Error)
    if (failure) throw failure
    return replies
  }

  async #step(name: ScriptName, calls: Call[]): Promise<unknown[]> {
    if (this.#pendingBytes > maxPendingBytes) throw new Unavailable('Redis answers too slowly.')
    const keys = calls.flatMap(({ topic }) => this.#keys(topic))
    const args = argsOf(calls)
    const bytes = args.reduce<number>((sum, arg) => sum + Buffer.byteLength(String(arg)), 0)
    this.#pendingBytes += bytes
    const start = performance.now()
    try {
      const replies = await this.#send(name, keys, args)
      this.#context.onRoundTrip(name, performance.now() - start)
      return replies
    } finally {
      this.#pendingBytes -= bytes
    }
  }

  async #send(name: ScriptName, keys: string[], args: Call['args']): Promise<unknown[]> {
    const { nodes } = this.#context
    const start = performance.now()
    let node = nodes.nodeOf(keys[0] ?? '')
    let isAsking = false
    let attempt = 0
    // Only ioredis's own promises are caught. Redis refuses with a ReplyError; the errors of ioredis for a lost
    // connection or a timeout are untyped.
    try {
      for (;;) {
        const leftMs = start + commandTimeoutMs - performance.now()
        if (!node) throw new Error('Connection is closed.')
        if (!node.isPrepared) await within(node.whenPrepared(), leftMs)
        if (!node.clock.isKnown) throw new Error(silent)
        const replies = this.#evalsha(node, name, keys, args, start + deadlineMs, isAsking)
        try {
          // ioredis limits the time of the first attempt.
          return await (attempt === 0 ? replies : within(replies, leftMs))
        } catch (error) {
          if (++attempt > maxAttempts || performance.now() > start + deadlineMs) throw error
          const redirection = redirectionOf(error)
          const words = isReplyError(error) ? wordsOf(error) : ''
          const isMigrating = words.startsWith('TRYAGAIN')
          if (isMigrating || attempt > quickAttempts) await sleep(tryAgainMs)
          if (words.startsWith('NOSCRIPT')) this.#load(node, name)
          else if (isMigrating) node = nodes.nodeOf(keys[0] ?? '')
          else if (redirection && this.#context.connections.isCluster) node = this.#redirected(redirection)
          else throw error
          isAsking = redirection?.kind === 'ASK' || (isAsking && words.startsWith('NOSCRIPT'))
        }
      }
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /** Sends the script's source before the script is sent again. A failure shows in the script's own reply. */
  #load({ redis, epoch }: RedisNode, name: ScriptName): void {
    redis.script('LOAD', this.#sources.script(name, epoch).source).catch(() => {})
  }

  #redirected({ kind, slot, address }: NonNullable<ReturnType<typeof redirectionOf>>): RedisNode {
    const { connections, nodes } = this.#context
    if (kind === 'MOVED') connections.moved(slot, address)
    return nodes.nodeAt(address)
  }

  #evalsha(node: RedisNode, name: ScriptName, keys: string[], args: Call['args'], deadline: number, isAsking: boolean) {
    const { redis, clock, epoch, completeSinceMs } = node
    const { sha } = this.#sources.script(name, epoch)
    const deadlineThere = Math.floor(clock.now() + deadline - performance.now())
    const salt = Math.floor(Math.random() * 2 ** 20)
    // The permission holds for the next command on the connection.
    if (isAsking) redis.asking().catch(() => {})
    const all = [keys.length, ...keys, deadlineThere, salt, completeSinceMs, ...args] as const
    return redis.evalsha(sha, ...all) as Promise<unknown[]>
  }

  #failed(error: unknown): Unavailable {
    this.#context.onScriptError(error)
    return new Unavailable('Redis did not answer, or refused.', { cause: error })
  }

  #keys(topic: string): string[] {
    const base = this.#base(topic)
    return [`${base}:log`, `${base}:values`, `${base}:holders`, `${base}:leases`]
  }

  /** The braces mark the hash tag of Redis Cluster. A topic's name contains no brace. */
  #base(topic: string): string {
    return `${this.#context.prefix}:{${topic}}`
  }
}

/** Nothing was run: the node lacks the script or the topic's keys, or the service forbids scripts on several slots. */
function isElsewhere(error: Error): boolean {
  return isReplyError(error) && /^(NOSCRIPT|CROSSSLOT)|Script attempted to access/.test(wordsOf(error))
}

function argsOf(calls: Call[]): Call['args'] {
  return calls.flatMap(call => [call.args.length, ...call.args])
}

/** Rejects as ioredis does when a command takes too long. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  const late = new AbortController()
  const timeout = sleep(Math.max(0, ms), undefined, { signal: late.signal }).then(() => {
    throw new Error(timedOut)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    late.abort()
    timeout.catch(() => {})
  }
}
