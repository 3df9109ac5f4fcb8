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
  receipts: Promise<Receipt[]>
  resolve(receipts: Promise<Receipt[]>): void
}

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

  /** Keeps the order of each topic's drafts. If the script fails for a topic, every call in that topic's batch rejects. */
  async publish(topic: string, drafts: Draft[]): Promise<Receipt[]> {
    const batch = this.#batches.get(topic) ?? this.#startBatch(topic)
    const from = batch.drafts.length
    batch.drafts.push(...drafts)
    this.#drafts += drafts.length
    if (this.#drafts >= maxDrafts) this.#send()
    return (await batch.receipts).slice(from, from + drafts.length)
  }

  #startBatch(topic: string): Batch {
    let resolve: Batch['resolve'] = () => {}
    const receipts = new Promise<Receipt[]>(settle => {
      resolve = settle
    })
    const batch = { topic, drafts: [], receipts, resolve }
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
    const calls = batches.map(({ topic, drafts }) => ({
      topic,
      args: drafts.flatMap(({ key, seq, value }) => [key, seq ?? '', value]),
    }))
    const replies = this.#scripts.runAll('publish', calls)
    for (const [i, reply] of replies.entries()) batches[i]?.resolve(reply.then(receiptsOf))
  }
}

/** A reply has an id for each draft, followed by 1 if the draft was stale. */
function receiptsOf(reply: unknown): Receipt[] {
  const flat = reply as (string | number)[]
  return Array.from({ length: flat.length / 2 }, (_, i) => ({ id: String(flat[2 * i]), stale: flat[2 * i + 1] === 1 }))
}
