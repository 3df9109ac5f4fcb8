/**
 * Publishes together what is published in one turn of the event loop: under load, most of a script's cost is then paid
 * once for several publishes. A single publish waits for the end of the turn and no longer.
 */
import type { Draft, Receipt } from '../broker.ts'
import type { Scripts } from './scripts.ts'

/** The drafts of one topic that are sent together. */
interface Batch {
  topic: string
  drafts: Draft[]
  /** The number of drafts of each call, which are published or refused together. */
  lengths: number[]
  reply: Promise<Reply>
  resolve(reply: Promise<Reply>): void
}

/** For each draft: an id, and how the draft fared. */
type Reply = (string | number)[]

const stale = 1
const refused = 2
const again = 3

/** A turn with more drafts sends them before its end, so that Redis works while the rest of the turn is handled. */
const maxDrafts = 16

export class PublishBatcher {
  readonly #scripts: Pick<Scripts, 'runAll'>
  #batches = new Map<string, Batch>()
  #drafts = 0
  #endOfTurn: NodeJS.Immediate | undefined

  constructor(scripts: Pick<Scripts, 'runAll'>) {
    this.#scripts = scripts
  }

  /**
   * Keeps the order of each topic's drafts. Resolves with null if there is no room for all of them. If the script fails for a
   * topic, every call in that topic's batch rejects.
   */
  async publish(topic: string, drafts: Draft[]): Promise<Receipt[] | null> {
    const batch = this.#batches.get(topic) ?? this.#startBatch(topic)
    const from = batch.drafts.length
    batch.drafts.push(...drafts)
    batch.lengths.push(drafts.length)
    this.#drafts += drafts.length
    if (this.#drafts >= maxDrafts) this.#send()
    const reply = await batch.reply
    // Each script removes some of the keys whose lease has ended, until there is room or none is left.
    return reply[2 * from + 1] === again ? this.publish(topic, drafts) : receiptsOf(reply, from, drafts.length)
  }

  #startBatch(topic: string): Batch {
    let resolve: Batch['resolve'] = () => {}
    const reply = new Promise<Reply>(settle => {
      resolve = settle
    })
    const batch = { topic, drafts: [], lengths: [], reply, resolve }
    if (this.#batches.size === 0) this.#endOfTurn = setImmediate(() => this.#send())
    this.#batches.set(topic, batch)
    return batch
  }

  #send(): void {
    clearImmediate(this.#endOfTurn)
    const batches = [...this.#batches.values()]
    // A new map, because V8 keeps the entries of a cleared one in memory.
    this.#batches = new Map()
    this.#drafts = 0
    const calls = batches.map(({ topic, drafts, lengths }) => ({
      topic,
      args: [groupsOf(lengths), ...drafts.flatMap(({ key, seq, value }) => [key, seq ?? '', value])],
    }))
    const replies = this.#scripts.runAll('publish', calls)
    for (const [i, reply] of replies.entries()) batches[i]?.resolve(reply as Promise<Reply>)
  }
}

/** Empty if each call has one draft, as usual. */
function groupsOf(lengths: number[]): string {
  return lengths.every(length => length === 1) ? '' : lengths.join()
}

function receiptsOf(reply: Reply, from: number, length: number): Receipt[] | null {
  if (reply[2 * from + 1] === refused) return null
  return Array.from({ length }, (_, i) => ({
    id: String(reply[2 * (from + i)]),
    stale: reply[2 * (from + i) + 1] === stale,
  }))
}
