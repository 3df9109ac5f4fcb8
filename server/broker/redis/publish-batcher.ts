/**
 * What is published in one turn of the event loop, published together: where many post at once, most of what a script
 * costs is paid once for several of them. Whoever posts alone waits for the turn's end and no longer.
 */
import type { Draft, Receipt } from '../broker.ts'

/** What is published together to one topic. */
export interface Part {
  topic: string
  drafts: Draft[]
}

interface Waiting extends Part {
  receipts: Promise<Receipt[]>
  settle(receipts: Promise<Receipt[]>): void
}

/** So many are not kept waiting for more: Redis is to work on them while the rest of the turn is read. */
const enough = 16

/**
 * `publish` promises each part's receipts. A topic's drafts keep their order, and each call has its own receipts; when a
 * part fails, every call that is in it does.
 */
export function gathered(publish: (parts: Part[]) => Promise<Receipt[]>[]) {
  let waiting = new Map<string, Waiting>()
  let length = 0
  let turnsEnd: NodeJS.Immediate | undefined

  const send = () => {
    clearImmediate(turnsEnd)
    const parts = [...waiting.values()]
    // Not emptied: V8 would keep what was in it.
    waiting = new Map()
    length = 0
    for (const [i, receipts] of publish(parts).entries()) parts[i]?.settle(receipts)
  }

  const partOf = (topic: string): Waiting => {
    const known = waiting.get(topic)
    if (known) return known
    let settle: Waiting['settle'] = () => {}
    const receipts = new Promise<Receipt[]>(resolve => {
      settle = resolve
    })
    const part = { topic, drafts: [], receipts, settle }
    if (waiting.size === 0) turnsEnd = setImmediate(send)
    waiting.set(topic, part)
    return part
  }

  return async (topic: string, drafts: Draft[]): Promise<Receipt[]> => {
    const part = partOf(topic)
    const from = part.drafts.length
    part.drafts.push(...drafts)
    length += drafts.length
    if (length >= enough) send()
    return (await part.receipts).slice(from, from + drafts.length)
  }
}
