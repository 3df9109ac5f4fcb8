/**
 * The Lua scripts: loaded once, run by their hash.
 *
 * A script is one step in Redis. It is never run twice for one call, since a reply that was lost may have been a success,
 * and never later than its caller was told that it failed: it knows until when it may run.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type BrokerOptions, Unavailable } from '../broker.ts'
import type { Clock } from './clock.ts'
import { type Connections, commandTimeoutMs } from './connect.ts'

export type ScriptName = 'publish' | 'append' | 'remove' | 'latest' | 'history' | 'keep' | 'alive'

/** Hears of each script that was answered, and how long that took. */
export type OnRoundTrip = (script: ScriptName, ms: number) => void

interface Script {
  source: string
  sha: string
}

const keyCount = 4
/** Redis may begin a script until this long after it was sent: less than its caller waits. */
const deadlineMs = commandTimeoutMs - 200
/** After a reply that took longer there is no time for a second command. */
const slowMs = 150
/** What may be on its way to Redis. */
const maxPendingBytes = 32 * 1024 * 1024

export class Scripts {
  readonly #connections: Connections
  readonly #clock: Clock
  readonly #prefix: string
  readonly #options: readonly number[]
  readonly #onRoundTrip: OnRoundTrip
  readonly #scripts = new Map<ScriptName, Script>()

  #pendingBytes = 0

  constructor(
    connections: Connections,
    clock: Clock,
    prefix: string,
    options: BrokerOptions,
    onRoundTrip: OnRoundTrip,
  ) {
    this.#connections = connections
    this.#clock = clock
    this.#prefix = prefix
    this.#options = [options.historyLength, options.historyTtlMs, options.leaseMs, options.graceMs]
    this.#onRoundTrip = onRoundTrip
  }

  channel(topic: string): string {
    return `${this.#base(topic)}:events`
  }

  /** Runs a script on a topic. Rejects with `Unavailable` when Redis did not answer, or refused. */
  async run(name: ScriptName, topic: string, args: (string | number)[] = []): Promise<unknown> {
    if (!this.#clock.isKnown) throw new Unavailable('Redis does not answer.')
    if (this.#pendingBytes > maxPendingBytes) throw new Unavailable('Redis is too slow.')
    const bytes = args.reduce<number>((sum, arg) => sum + String(arg).length, 0)
    this.#pendingBytes += bytes
    const start = performance.now()
    try {
      const reply = await this.#send(this.#script(name), topic, args)
      this.#onRoundTrip(name, performance.now() - start)
      return reply
    } catch (error) {
      throw new Unavailable('Redis did not answer, or refused.', { cause: error })
    } finally {
      this.#pendingBytes -= bytes
    }
  }

  async #send({ source, sha }: Script, topic: string, args: (string | number)[]): Promise<unknown> {
    const { commands } = this.#connections
    const base = this.#base(topic)
    const keys = [`${base}:log`, `${base}:values`, `${base}:holders`, `${base}:leases`]
    const salt = Math.floor(Math.random() * 2 ** 20)
    const deadline = Math.floor(this.#clock.now() + deadlineMs)
    const all = [...keys, this.channel(topic), ...this.#options, salt, deadline, ...args]
    const start = performance.now()
    try {
      return await commands.evalsha(sha, keyCount, ...all)
    } catch (error) {
      const isSlow = performance.now() - start > slowMs
      if (isSlow || !(error as Error).message.startsWith('NOSCRIPT')) throw error
      return commands.eval(source, keyCount, ...all)
    }
  }

  /** A room's name has no brace, so the braces hold its hash tag. */
  #base(topic: string): string {
    return `${this.#prefix}:{${topic}}`
  }

  #script(name: ScriptName): Script {
    const known = this.#scripts.get(name)
    if (known) return known
    const publish = this.#connections.isCluster ? 'SPUBLISH' : 'PUBLISH'
    const source = `local PUBLISH = '${publish}'\n${read('topic')}\n${read(name)}`
    const script = { source, sha: createHash('sha1').update(source).digest('hex') }
    this.#scripts.set(name, script)
    return script
  }
}

function read(name: string): string {
  return readFileSync(new URL(`${name}.lua`, import.meta.url), 'utf8')
}
