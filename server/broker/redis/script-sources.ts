/**
 * The source text of each Lua script, with the broker's options and the node's epoch as constants.
 *
 * Because the epoch is part of the text, a node knows only the scripts of its own epoch: a script that reaches another node
 * by a redirection, or a node that was restarted or promoted, is answered `NOSCRIPT` and never uses the wrong epoch.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { BrokerOptions } from '../broker.ts'

/** The scripts of a broker. */
export const scriptNames = ['publish', 'append', 'remove', 'end-grace', 'latest', 'history', 'keep', 'alive'] as const
export type ScriptName = (typeof scriptNames)[number] | 'canary'

export interface Script {
  source: string
  sha: string
}

export interface SourceOptions extends BrokerOptions {
  isCluster: boolean
  /** The number of the database. Pub/Sub channels do not belong to a database, so their names contain it. */
  database: number
}

/** How many keys whose lease has ended one script removes from a topic. It takes Redis up to about 2 ms. */
const maxSwept = 150
/** How many epochs are kept. A cluster has one for each master. */
const maxEpochs = 100

export class ScriptSources {
  readonly names: readonly ScriptName[]
  /** What a channel's name ends with. Database 0 has the names that versions without this suffix use. */
  readonly channelSuffix: string
  readonly #constants: string
  readonly #byEpoch = new Map<string, Map<ScriptName, Script>>()

  constructor(options: SourceOptions, names: readonly ScriptName[] = scriptNames) {
    const {
      historyLength,
      historyTtlMs,
      leaseMs,
      graceMs,
      maxKeys = Number.POSITIVE_INFINITY,
      isCluster,
      database,
    } = options
    this.names = names
    this.channelSuffix = database > 0 ? `@${database}` : ''
    this.#constants = `local PUBLISH, channelSuffix = '${isCluster ? 'SPUBLISH' : 'PUBLISH'}', '${this.channelSuffix}'
local historyLength, maxLength = ${numberOf(historyLength)}, ${numberOf(historyLength + surplusOf(historyLength))}
local historyTtl, leaseMs, graceMs = ${historyTtlMs}, ${leaseMs}, ${graceMs}
local maxKeys, maxSwept = ${numberOf(maxKeys)}, ${maxSwept}`
  }

  script(name: ScriptName, epoch: string): Script {
    const known = this.#byEpoch.get(epoch)?.get(name)
    if (known) return known
    if (this.#byEpoch.size >= maxEpochs) this.#byEpoch.clear()
    const scripts = this.#byEpoch.get(epoch) ?? new Map<ScriptName, Script>()
    this.#byEpoch.set(epoch, scripts)
    const script = this.#build(name, epoch)
    scripts.set(name, script)
    return script
  }

  #build(name: ScriptName, epoch: string): Script {
    const source = [
      `local epoch = '${epoch}'`,
      this.#constants,
      read('includes/prelude'),
      `local function runOnTopic(KEYS, ARGV)\n${read('includes/topic')}\n${read(name)}\nend`,
      read('includes/for-each-topic'),
    ].join('\n')
    return { source, sha: createHash('sha1').update(source).digest('hex') }
  }
}

function numberOf(value: number): string {
  return value < Number.MAX_SAFE_INTEGER ? `${value}` : 'math.huge'
}

/**
 * How many entries a log may have beyond `historyLength` before it is trimmed. By default, Redis stores 100 entries of
 * a stream in one node, and drops a whole node at once.
 */
function surplusOf(historyLength: number): number {
  return Math.min(100, Math.floor(historyLength / 100) * 10)
}

function read(name: string): string {
  return readFileSync(new URL(`lua/${name}.lua`, import.meta.url), 'utf8')
}
