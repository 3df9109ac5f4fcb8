/**
 * A room that is in use while things break: writers that post until they are answered, readers that come back, and a
 * judgement of what the readers saw of what was answered.
 */
import { appendFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { expect } from '@jest/globals'
import { nanoid } from 'nanoid'
import { byId, fetchLocations } from '../support/client.ts'
import { random } from '../support/random.ts'
import { Reader } from '../support/reader.ts'
import { waitFor } from '../support/wait-for.ts'

export const seed = Number(process.env.SEED ?? 20_261_121)

/** How often a fault is injected. */
export const rounds = Number(process.env.FAULT_ROUNDS ?? 1)

const pauseMs = 4
/** What comes at all to the naive server's readers comes at once. */
const naivePatienceMs = 3_000
/** How many locations are answered before each injection. */
export const stepLocations = process.env.FAULT_ROUNDS ? 200 : 100
const postTimeoutMs = 4_000
const retryMs = 50
/** How fast readers must have everything again at the latest; how fast they have it is measured. */
const generousMs = 15_000

export interface WorkloadOptions {
  /** Where readers read: the instances that are there at present. */
  urls(): string[]
  /** Where writers post, if not at all of them. */
  writable?(): string[]
  /** Whether every instance that has readers hears of the room. */
  isHeard(room: string, urls: ReadonlySet<string>): Promise<boolean>
  readers?: number
  writers?: number
}

export class Workload {
  readonly room = nanoid()
  readonly readers: Reader[] = []
  /** The ids that were answered. */
  readonly answered: string[] = []
  readonly caughtUpMs: number[] = []
  /** How long after each fault every reader had been told of a reset. */
  readonly toldMs: number[] = []
  /** Answers that were not 200, by status; 0 is none at all. */
  readonly refusals = new Map<number, number>()
  readonly #options: WorkloadOptions
  readonly #random = random(seed)
  readonly #writing: Promise<void>[] = []
  #seq = 0
  #newest = '0-0'
  #hasEnded = false
  #hasLeft = false

  constructor(options: WorkloadOptions) {
    this.#options = options
  }

  /** Resolves once every reader is there and every writer was answered. */
  async gather(): Promise<void> {
    const { readers = 6, writers = 3 } = this.#options
    for (let i = 0; i < readers; i++) this.readers.push(new Reader())
    this.comeBack()
    await waitFor('every reader has its snapshot', () => this.readers.every(({ segments }) => segments.length > 0))
    for (let i = 0; i < writers; i++) this.#writing.push(this.#write(`writer-${i}`))
    const target = this.answered.length + writers
    await waitFor('the writers were answered', () => this.answered.length >= target)
  }

  /** Opens every reader's stream, and again whenever it ends. */
  comeBack(): void {
    const { urls } = this.#options
    for (const [i, reader] of this.readers.entries()) {
      let turn = i
      reader.stay(() => urls()[turn++ % urls().length] ?? '', this.room)
    }
  }

  /** Resolves with the event's id, after as many refusals as it takes. */
  async post(user: string, x = 0, y = 0): Promise<string> {
    const body = JSON.stringify({ user, x, y, seq: ++this.#seq })
    for (;;) {
      if (this.#hasLeft) return ''
      const { urls: all, writable = all } = this.#options
      const urls = writable()
      const url = urls[this.#random.below(urls.length)]
      const { status, id } = await this.#postOnce(`${url}/rooms/${this.room}/location`, body)
      if (status === 200) {
        this.answered.push(id)
        if (byId(id, this.#newest) > 0) this.#newest = id
        return id
      }
      this.refusals.set(status, (this.refusals.get(status) ?? 0) + 1)
      await setTimeout(retryMs)
    }
  }

  /** Resolves once that many more locations were answered. */
  async go(count: number): Promise<void> {
    const target = this.answered.length + count
    await waitFor(`${count} more locations are answered`, () => this.answered.length >= target, { timeoutMs: 60_000 })
  }

  /**
   * To be called once a fault is over. Measures from when every instance hears of the room again, until every reader has
   * what was answered before; then sees that locations come through again.
   */
  async catchUp(): Promise<void> {
    const isHeard = () => this.#options.isHeard(this.room, new Set(this.readers.map(({ server }) => server)))
    await waitFor('Pub/Sub is back', isHeard, { intervalMs: 5 })
    const start = performance.now()
    await this.#allHave(this.#newest, () => this.caughtUpMs.push(performance.now() - start))
    await this.#allHave(await this.post('mark'))
  }

  async #allHave(id: string, onEach = () => {}): Promise<void> {
    await Promise.all(
      this.readers.map(async reader => {
        await reader.until(() => byId(reader.lastEventId || '0-0', id) >= 0)
        onEach()
      }),
    )
  }

  /** Ends the writing, and says and checks what the readers saw. */
  async judge(name: string, rounds: number, isPromised = true): Promise<{ lost: number; resets: number }> {
    this.#hasEnded = true
    await Promise.all(this.#writing)
    const last = await this.post('last')
    const log = this.answered.toSorted(byId)
    // Whoever lacks it has lost it: that is for the judgement to say.
    const all = Promise.allSettled(this.readers.map(reader => reader.until(() => reader.lastEventId === last)))
    await Promise.race(isPromised ? [all] : [all, setTimeout(naivePatienceMs)])
    const verdicts = this.readers.map(reader => reader.judge(log))
    const sum = (key: 'lost' | 'dup' | 'disorder') => verdicts.reduce((total, verdict) => total + verdict[key], 0)
    const resets = this.readers.reduce((total, reader) => total + reader.resets, 0)
    const figures = {
      acked: log.length,
      readers: this.readers.length,
      lost: sum('lost'),
      dup: sum('dup'),
      disorder: sum('disorder'),
      resets,
      caughtUpMs: Math.round(percentile(this.caughtUpMs, 0.99)),
    }
    const told = this.toldMs.length > 0 ? { toldMs: Math.round(Math.max(...this.toldMs)) } : {}
    say(name, { seed, rounds, ...figures, ...told })
    if (isPromised) await this.#expectPromised(log, figures)
    this.leave()
    return figures
  }

  /** Ends the writing and the reading, whatever came of it. */
  leave(): void {
    this.#hasEnded = this.#hasLeft = true
    for (const reader of this.readers) reader.drop()
  }

  async #expectPromised(log: string[], figures: object): Promise<void> {
    expect(figures).toMatchObject({ lost: 0, dup: 0, disorder: 0 })
    expect(new Set(log).size).toBe(log.length)
    expect(Math.max(...this.caughtUpMs)).toBeLessThan(generousMs)
    const url = this.#options.urls()[0] ?? ''
    // A lease may run out between a reading and the other.
    await waitFor('every fold equals GET', async () => {
      const truth = Object.fromEntries(await fetchLocations(url, this.room))
      for (const { locations } of this.readers) expect(Object.fromEntries(locations)).toEqual(truth)
      return true
    })
  }

  async #write(user: string): Promise<void> {
    for (let x = 0; !this.#hasEnded; x++) {
      await this.post(user, x)
      await setTimeout(pauseMs)
    }
  }

  async #postOnce(url: string, body: string): Promise<{ status: number; id: string }> {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(postTimeoutMs),
      })
      const { id = '' } = (await response.json()) as { id?: string }
      return { status: response.status, id }
    } catch {
      return { status: 0, id: '' }
    }
  }
}

export function percentile(values: number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0
}

/** Prints figures in one line, and writes them to the file `FAULT_FIGURES` if there is one. */
export function say(name: string, figures: Record<string, number>): void {
  const text = Object.entries(figures)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ')
  process.stdout.write(`${name}: ${text}\n`)
  const file = process.env.FAULT_FIGURES
  if (file) appendFileSync(file, `${JSON.stringify({ name, ...figures })}\n`)
}
