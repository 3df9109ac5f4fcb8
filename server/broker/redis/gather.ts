/**
 * What is published to a topic in one turn of the event loop, published as one: where many post at once, most of what a
 * script costs is paid once for all of them. Whoever posts alone waits for the turn's end and no longer.
 */
import { setImmediate } from 'node:timers/promises'
import type { Draft, Receipt } from '../broker.ts'

type Publish = (topic: string, drafts: Draft[]) => Promise<Receipt[]>

interface Turn {
  drafts: Draft[]
  receipts: Promise<Receipt[]>
}

/** In one script: Redis does nothing else while it runs. */
const maxDrafts = 1_000

/** Drafts keep their order, and each call its own receipts; when the one script fails, every call of its turn does. */
export function gathered(publish: Publish): Publish {
  const turns = new Map<string, Turn>()

  const begin = (topic: string): Turn => {
    const drafts: Draft[] = []
    const receipts = setImmediate().then(() => {
      if (turns.get(topic) === turn) turns.delete(topic)
      return publish(topic, drafts)
    })
    const turn = { drafts, receipts }
    turns.set(topic, turn)
    return turn
  }

  return async (topic, drafts) => {
    let turn = turns.get(topic)
    if (!turn || turn.drafts.length + drafts.length > maxDrafts) turn = begin(topic)
    const from = turn.drafts.length
    turn.drafts.push(...drafts)
    return (await turn.receipts).slice(from, from + drafts.length)
  }
}
