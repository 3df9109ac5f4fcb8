/**
 * Runs the Lua scripts by their hash.
 *
 * A script is one atomic step in Redis on one topic or, without a cluster, on one topic for each call. A script never
 * runs twice for one call, because a lost reply may have been a success. It never runs after its caller was told that it
 * failed, because it has a deadline.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type BrokerOptions, Unavailable } from '../broker.ts'
import type { Clock } from './clock.ts'
import { type Connections, commandTimeoutMs } from './connections.ts'

export type ScriptName = 'publish' | 'append' | 'remove' | 'end-grace' | 'latest' | 'history' | 'keep' | 'alive'

export interface Call {
  topic: string
  args: (string | number)[]
}

/** Receives the duration of each script that Redis has answered. */
export type OnRoundTrip = (script: string, ms: number) => void

/** What scripts need of the Redis that they run in. */
export interface ScriptContext {
  readonly connections: Connections
  /** Every key and channel begins with it. */
  readonly prefix: string
  readonly clock: Clock
  readonly onRoundTrip: OnRoundTrip
}

interface Script {
  source: string
  sha: string
}

/** Redis may start a script until this long after it was sent. It is less than the time that the caller waits. */
const deadlineMs = commandTimeoutMs - 200
/** After a reply that took longer, the caller has no time for a second command. */
const slowMs = 150
/** How much may be on its way to Redis. */
const maxPendingBytes = 32 * 1024 * 1024

export class Scripts {
  readonly #context: ScriptContext
  readonly #constants: string
  readonly #scripts = new Map<ScriptName, Script>()
  #pendingBytes = 0

  constructor(context: ScriptContext, { historyLength, historyTtlMs, leaseMs, graceMs }: BrokerOptions) {
    this.#context = context
    const publish = context.connections.isCluster ? 'SPUBLISH' : 'PUBLISH'
    this.#constants = `local PUBLISH, historyLength = '${publish}', '${historyLength}'
local historyTtl, leaseMs, graceMs = ${historyTtlMs}, ${leaseMs}, ${graceMs}`
  }

  channel(topic: string): string {
    return `${this.#base(topic)}:events`
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
        if (reply instanceof Error) throw unavailable(reply)
        return reply
      })
    })
  }

  async #step(name: ScriptName, calls: Call[]): Promise<unknown[]> {
    if (!this.#context.clock.isKnown) throw new Unavailable('Redis does not answer.')
    if (this.#pendingBytes > maxPendingBytes) throw new Unavailable('Redis answers too slowly.')
    const script = this.#script(name)
    const keys = calls.flatMap(({ topic }) => this.#keys(topic))
    const args = calls.flatMap(call => [call.args.length, ...call.args])
    const bytes = args.reduce<number>((sum, arg) => sum + Buffer.byteLength(String(arg)), 0)
    this.#pendingBytes += bytes
    const start = performance.now()
    try {
      const replies = await this.#send(script, keys, args)
      this.#context.onRoundTrip(name, performance.now() - start)
      return replies
    } finally {
      this.#pendingBytes -= bytes
    }
  }

  /** Loads the script if Redis does not know it. */
  async #send({ source, sha }: Script, keys: string[], args: Call['args']): Promise<unknown[]> {
    const { clock, connections } = this.#context
    const deadline = Math.floor(clock.now() + deadlineMs)
    const salt = Math.floor(Math.random() * 2 ** 20)
    const all = [keys.length, ...keys, deadline, salt, ...args] as const
    const start = performance.now()
    // Only ioredis's own promises are caught. Redis refuses with a ReplyError; the errors of ioredis for a lost
    // connection or a timeout are untyped.
    try {
      return (await connections.commands.evalsha(sha, ...all)) as unknown[]
    } catch (error) {
      const isSlow = performance.now() - start > slowMs
      if (isSlow || !(error as Error).message.startsWith('NOSCRIPT')) throw unavailable(error)
    }
    try {
      return (await connections.commands.eval(source, ...all)) as unknown[]
    } catch (error) {
      throw unavailable(error)
    }
  }

  #keys(topic: string): string[] {
    const base = this.#base(topic)
    return [`${base}:log`, `${base}:values`, `${base}:holders`, `${base}:leases`]
  }

  /** The braces mark the hash tag of Redis Cluster. A topic's name contains no brace. */
  #base(topic: string): string {
    return `${this.#context.prefix}:{${topic}}`
  }

  #script(name: ScriptName): Script {
    const known = this.#scripts.get(name)
    if (known) return known
    const runOnTopic = `local function runOnTopic(KEYS, ARGV)\n${read('includes/topic')}\n${read(name)}\nend`
    const source = [this.#constants, read('includes/prelude'), runOnTopic, read('includes/for-each-topic')].join('\n')
    const script = { source, sha: createHash('sha1').update(source).digest('hex') }
    this.#scripts.set(name, script)
    return script
  }
}

function unavailable(error: unknown): Unavailable {
  return new Unavailable('Redis did not answer, or refused.', { cause: error })
}

function read(name: string): string {
  return readFileSync(new URL(`lua/${name}.lua`, import.meta.url), 'utf8')
}
