/**
 * The Lua scripts: loaded once, run by their hash.
 *
 * A script is one step in Redis, and a run is never repeated: a reply that was lost may have been a success.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'
import { type BrokerOptions, Unavailable } from '../broker.ts'

export type ScriptName = 'publish' | 'append' | 'remove' | 'latest' | 'history' | 'keep' | 'alive'

interface Script {
  source: string
  sha: string
}

const keyCount = 5

export class Scripts {
  readonly #redis: Redis
  readonly #prefix: string
  readonly #options: readonly number[]
  readonly #scripts = new Map<ScriptName, Script>()

  constructor(redis: Redis, prefix: string, options: BrokerOptions) {
    this.#redis = redis
    this.#prefix = prefix
    this.#options = [options.historyLength, options.historyTtlMs, options.leaseMs, options.graceMs]
  }

  channel(topic: string): string {
    return `${this.#base(topic)}:events`
  }

  /** Runs a script on a topic. Rejects with `Unavailable` when Redis did not answer, or refused. */
  async run(name: ScriptName, topic: string, args: (string | number)[] = []): Promise<unknown> {
    const { source, sha } = this.#script(name)
    const base = this.#base(topic)
    const salt = Math.floor(Math.random() * 2 ** 20)
    const keys = [`${base}:log`, `${base}:values`, `${base}:holders`, `${base}:leases`, this.channel(topic)]
    const all = [...keys, ...this.#options, salt, ...args]
    try {
      return await this.#redis.evalsha(sha, keyCount, ...all)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw unavailable(error)
    }
    return this.#redis.eval(source, keyCount, ...all).catch(error => {
      throw unavailable(error)
    })
  }

  /** A room's name has no brace, so the braces hold its hash tag. */
  #base(topic: string): string {
    return `${this.#prefix}:{${topic}}`
  }

  #script(name: ScriptName): Script {
    const known = this.#scripts.get(name)
    if (known) return known
    const source = `local PUBLISH = 'PUBLISH'\n${read('topic')}\n${read(name)}`
    const script = { source, sha: createHash('sha1').update(source).digest('hex') }
    this.#scripts.set(name, script)
    return script
  }
}

export function unavailable(error: unknown): Unavailable {
  return new Unavailable('The log’s store does not answer.', { cause: error })
}

function read(name: string): string {
  return readFileSync(new URL(`${name}.lua`, import.meta.url), 'utf8')
}
