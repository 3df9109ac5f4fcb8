/**
 * What this instance knows of one node over its current connection: its clock, its epoch, whether it knows the scripts, and
 * whether it accepts writes.
 *
 * A connection is prepared before scripts are run over it: the epoch is read and the scripts are loaded. So a script's
 * first run needs no second command, however far away Redis is.
 */
import type { Redis } from 'ioredis'
import { NodeClock } from './clock.ts'
import { readProcessEpoch } from './process-epoch.ts'
import { never, parseReplication, type Replication } from './replication.ts'
import { isReplyError, Refusal, wordsOf } from './reply-error.ts'
import type { ScriptSources } from './script-sources.ts'

export interface NodeEvents {
  /** Scripts can be run over a node's connection from now on. */
  onPrepared(): void
  /** A connection could not be prepared. */
  onError(error: unknown): void
}

export interface RedisNodeOptions {
  database: number
  /** The scripts that the connection is prepared for. */
  sources: ReadonlySet<ScriptSources>
  /** A key that belongs to the node, for its epoch if INFO is not permitted. */
  epochKey(): string
  events: NodeEvents
}

/** A refusal counts this long. */
const refusalMs = 3_000

export class RedisNode {
  readonly redis: Redis
  readonly clock: NodeClock
  readonly #options: RedisNodeOptions
  #preparing: Promise<void> | null = null
  #isPrepared = false
  #replication: Replication = { epoch: '', completeSinceMs: never, isReplica: false, isLoading: false }
  #mayUseInfo = true
  #refusal: { words: string; at: number } | null = null
  #isWritable = false

  constructor(redis: Redis, options: RedisNodeOptions) {
    this.redis = redis
    this.clock = new NodeClock(redis)
    this.#options = options
    redis.on('ready', () => this.#prepare())
    redis.on('close', () => this.#forget())
    if (redis.status === 'ready') this.#prepare()
    else if (redis.status !== 'end') this.#connect()
  }

  get epoch(): string {
    return this.#replication.epoch
  }

  get completeSinceMs(): number {
    return this.#replication.completeSinceMs
  }

  get isPrepared(): boolean {
    return this.#isPrepared
  }

  /** Whether the last write was accepted over the current connection. */
  get isWritable(): boolean {
    return this.#isPrepared && this.#isWritable
  }

  /** Redis's own words if the node has refused; null if not, or if it does not answer any more. */
  get refusal(): string | null {
    return this.#refusal && performance.now() - this.#refusal.at < refusalMs ? this.#refusal.words : null
  }

  /** Resolves once scripts can be run. Rejects with the error of Redis or ioredis. */
  whenPrepared(): Promise<void> {
    return this.#preparing ?? Promise.reject(new Error('Connection is closed.'))
  }

  accepts(): void {
    this.#refusal = null
    this.#isWritable = true
  }

  /** Errors other than those of Redis say nothing about a refusal. */
  refuses(error: unknown): void {
    if (!isReplyError(error)) return
    this.#refusal = { words: wordsOf(error), at: performance.now() }
    this.#isWritable = false
  }

  /** Reads the clock and the epoch again. Prepares the connection again if it could not be prepared, or the epoch changed. */
  async check(): Promise<void> {
    if (this.redis.status !== 'ready') return
    if (this.#preparing === null) {
      this.#prepare()
      return
    }
    if (!this.#isPrepared) return
    const { epoch } = this
    const [, replication] = await Promise.allSettled([this.clock.read(), this.#readReplication()])
    if (replication.status === 'rejected' || epoch !== this.epoch) return
    this.#replication = replication.value
    if (epoch !== replication.value.epoch || replication.value.isReplica) this.#prepare()
  }

  /** Loads scripts. Rejects with the error of Redis or ioredis. */
  async load(sources: ScriptSources): Promise<void> {
    const { epoch } = this
    await Promise.all(sources.names.map(name => this.redis.script('LOAD', sources.script(name, epoch).source)))
  }

  /** Loads all scripts, after Redis has forgotten one. */
  loadAgain(): void {
    for (const sources of this.#options.sources) this.load(sources).catch(() => {})
  }

  #connect(): void {
    const connecting = new Promise<void>((resolve, reject) => {
      // The listener for `ready` that was added before this one prepares the connection.
      this.redis.once('ready', () => resolve(this.whenPrepared()))
      this.redis.once('close', () => reject(new Error('Connection is closed.')))
      this.redis.once('end', () => reject(new Error('Connection is closed.')))
    })
    connecting.catch(() => {})
    this.#preparing = connecting
    // The nodes of a cluster connect when they are first used.
    if (this.redis.status === 'wait') this.redis.connect().catch(() => {})
  }

  #forget(): void {
    this.#preparing = null
    this.#isPrepared = false
    this.#isWritable = false
    this.#mayUseInfo = true
  }

  #prepare(): void {
    const preparing = this.#readAndLoad()
    this.#isPrepared = false
    this.#preparing = preparing
    preparing.then(
      () => {
        if (this.#preparing !== preparing) return
        this.#isPrepared = true
        this.#options.events.onPrepared()
      },
      error => {
        if (this.#preparing !== preparing) return
        this.#preparing = null
        this.refuses(error)
        this.#options.events.onError(error)
      },
    )
  }

  async #readAndLoad(): Promise<void> {
    const { database, sources } = this.#options
    // ioredis ignores it if Redis refuses the database, and then uses database 0.
    const select = database > 0 ? this.redis.select(database) : null
    const [clock, selected] = await Promise.allSettled([this.clock.read(), select])
    for (const result of [clock, selected]) if (result.status === 'rejected') throw result.reason
    this.#replication = await this.#readReplication()
    if (this.#replication.isLoading) throw new Refusal('LOADING Redis is loading the dataset in memory')
    if (this.#replication.isReplica) throw new Refusal("READONLY You can't write against a read only replica.")
    await Promise.all([...sources].map(each => this.load(each)))
  }

  async #readReplication(): Promise<Replication> {
    if (this.#mayUseInfo) {
      try {
        return parseReplication(String(await this.redis.info('server', 'replication', 'persistence')))
      } catch (error) {
        if (!isReplyError(error) || !wordsOf(error).startsWith('NOPERM')) throw error
        this.#mayUseInfo = false
      }
    }
    return readProcessEpoch(this.redis, this.#options.epochKey())
  }
}
