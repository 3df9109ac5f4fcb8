/**
 * The Lua scripts: loaded once, run by their hash.
 *
 * A script is one step in Redis, on one topic or, where one Redis has them all, on as many as there are calls. It is never
 * run twice for one call, since a reply that was lost may have been a success, and never later than its caller was told
 * that it failed: it knows until when it may run.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type BrokerOptions, Unavailable } from '../broker.ts'
import { commandTimeoutMs } from './connections.ts'
import type { RedisStore } from './redis-store.ts'

export type ScriptName = 'publish' | 'append' | 'remove' | 'latest' | 'history' | 'keep' | 'alive'

export interface Call {
  topic: string
  args: (string | number)[]
}

interface Script {
  source: string
  sha: string
}

/** Redis may begin a script until this long after it was sent: less than its caller waits. */
const deadlineMs = commandTimeoutMs - 200
/** After a reply that took longer there is no time for a second command. */
const slowMs = 150
/** What may be on its way to Redis. */
const maxPendingBytes = 32 * 1024 * 1024

export class Scripts {
  readonly #store: RedisStore
  readonly #constants: string
  readonly #scripts = new Map<ScriptName, Script>()
  #pendingBytes = 0

  constructor(store: RedisStore, { historyLength, historyTtlMs, leaseMs, graceMs }: BrokerOptions) {
    this.#store = store
    const publish = store.connections.isCluster ? 'SPUBLISH' : 'PUBLISH'
    this.#constants = `local PUBLISH, historyLength = '${publish}', '${historyLength}'
local historyTtl, leaseMs, graceMs = ${historyTtlMs}, ${leaseMs}, ${graceMs}`
  }

  channel(topic: string): string {
    return `${this.#base(topic)}:events`
  }

  /** Runs a script on a topic. Rejects with `Unavailable` when Redis did not answer, or refused. */
  async run(name: ScriptName, topic: string, ...args: Call['args']): Promise<unknown> {
    const [reply] = this.runAll(name, [{ topic, args }])
    return reply
  }

  /** Runs a script on each topic: one promise for each call, as above. */
  runAll(name: ScriptName, calls: Call[]): Promise<unknown>[] {
    const steps = this.#store.connections.isCluster ? calls.map(call => [call]) : [calls]
    return steps.flatMap(step => {
      const replies = this.#step(name, step)
      return step.map(async (_, i) => {
        const reply = (await replies)[i]
        if (reply instanceof Error) throw refused(reply)
        return reply
      })
    })
  }

  async #step(name: ScriptName, calls: Call[]): Promise<unknown[]> {
    if (!this.#store.clock.isKnown) throw new Unavailable('Redis does not answer.')
    if (this.#pendingBytes > maxPendingBytes) throw new Unavailable('Redis is too slow.')
    const args = calls.flatMap(call => [call.args.length, ...call.args])
    const bytes = args.reduce<number>((sum, arg) => sum + Buffer.byteLength(String(arg)), 0)
    this.#pendingBytes += bytes
    const start = performance.now()
    try {
      const keys = calls.flatMap(({ topic }) => this.#keys(topic))
      const replies = await this.#send(this.#script(name), keys, args)
      this.#store.onRoundTrip(name, performance.now() - start)
      return replies
    } catch (error) {
      throw refused(error)
    } finally {
      this.#pendingBytes -= bytes
    }
  }

  async #send({ source, sha }: Script, keys: string[], args: Call['args']): Promise<unknown[]> {
    const { commands } = this.#store.connections
    const deadline = Math.floor(this.#store.clock.now() + deadlineMs)
    const salt = Math.floor(Math.random() * 2 ** 20)
    const all = [keys.length, ...keys, deadline, salt, ...args] as const
    const start = performance.now()
    try {
      return (await commands.evalsha(sha, ...all)) as unknown[]
    } catch (error) {
      const isSlow = performance.now() - start > slowMs
      if (isSlow || !(error as Error).message.startsWith('NOSCRIPT')) throw error
      return (await commands.eval(source, ...all)) as unknown[]
    }
  }

  #keys(topic: string): string[] {
    const base = this.#base(topic)
    return [`${base}:log`, `${base}:values`, `${base}:holders`, `${base}:leases`]
  }

  /** A room's name has no brace, so the braces hold its hash tag. */
  #base(topic: string): string {
    return `${this.#store.prefix}:{${topic}}`
  }

  #script(name: ScriptName): Script {
    const known = this.#scripts.get(name)
    if (known) return known
    const within = `local function within(KEYS, ARGV)\n${read('includes/topic')}\n${read(name)}\nend`
    const source = [this.#constants, read('includes/prelude'), within, read('includes/for-each-topic')].join('\n')
    const script = { source, sha: createHash('sha1').update(source).digest('hex') }
    this.#scripts.set(name, script)
    return script
  }
}

function refused(error: unknown): Unavailable {
  return new Unavailable('Redis did not answer, or refused.', { cause: error })
}

function read(name: string): string {
  return readFileSync(new URL(`lua/${name}.lua`, import.meta.url), 'utf8')
}
