/**
 * Sends the renewals of leases of one turn of the event loop together, in scripts that take Redis at most about 2 ms each.
 * In a cluster, each node gets its own scripts.
 */
import type { Hold, KeepResult } from '../broker.ts'
import type { Call, Scripts } from './scripts.ts'

interface Keep extends Call {
  weight: number
  resolve(reply: Promise<unknown>): void
}

const letters = { held: 'h', acked: 'a', released: 'r' } as const

/** How many leases one script renews. A topic counts as four, because it costs about as much. */
const maxWeight = 250
const topicWeight = 4

export class KeepBatcher {
  readonly #scripts: Pick<Scripts, 'runTogether' | 'nodeOf'>
  #keeps: Keep[] = []

  constructor(scripts: Pick<Scripts, 'runTogether' | 'nodeOf'>) {
    this.#scripts = scripts
  }

  async keep(topic: string, holder: string, holds: Hold[], isOpen: boolean): Promise<KeepResult> {
    const args = [holder, isOpen ? 1 : 0]
    const step = maxWeight - topicWeight
    const replies: Promise<unknown>[] = []
    for (let at = 0; at === 0 || at < holds.length; at += step) {
      replies.push(this.#add(topic, args, holds.slice(at, at + step)))
    }
    // The last reply is the newest.
    const [head, nextEndMs] = (await Promise.all(replies)).at(-1) as [string, number]
    return { head, nextEndMs: nextEndMs < 0 ? null : nextEndMs }
  }

  #add(topic: string, args: Call['args'], holds: Hold[]): Promise<unknown> {
    return new Promise(resolve => {
      if (this.#keeps.length === 0) setImmediate(() => this.#send())
      this.#keeps.push({
        topic,
        args: [...args, ...holds.flatMap(({ key, state }) => [key, letters[state]])],
        weight: topicWeight + holds.length,
        resolve,
      })
    })
  }

  #send(): void {
    const keeps = this.#keeps
    this.#keeps = []
    const groups = new Map<unknown, Keep[]>()
    for (const keep of keeps) {
      const node = this.#scripts.nodeOf(keep.topic)
      const group = groups.get(node)
      if (group) group.push(keep)
      else groups.set(node, [keep])
    }
    for (const group of groups.values()) this.#sendTo(group)
  }

  #sendTo(keeps: Keep[]): void {
    let slice: Keep[] = []
    let weight = 0
    for (const keep of keeps) {
      if (weight + keep.weight > maxWeight) {
        this.#run(slice)
        slice = []
        weight = 0
      }
      slice.push(keep)
      weight += keep.weight
    }
    this.#run(slice)
  }

  #run(slice: Keep[]): void {
    if (slice.length === 0) return
    const replies = this.#scripts.runTogether('keep', slice)
    for (const [i, reply] of replies.entries()) slice[i]?.resolve(reply)
  }
}
