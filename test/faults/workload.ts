/**
 * A room that is in use during faults: writers that retry until the server responds with 200, and readers that reconnect.
 * At the end, the events that the readers received are compared with the acknowledged ones.
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

/** How many times each fault is injected. */
export const rounds = Number(process.env.FAULT_ROUNDS ?? 1)

const pauseMs = 4
/** Readers of the naive server receive an event almost at once or never. */
const naiveWaitMs = 3_000
/** How many locations are acknowledged before each injection. */
export const stepLocations = process.env.FAULT_ROUNDS ? 200 : 100
const postTimeoutMs = 4_000
const retryMs = 50
/** The limit for readers to catch up. The actual time is measured and printed. */
const catchUpLimitMs = 15_000

export interface WorkloadOptions {
  /** The URLs of the current instances, to which readers connect. */
  urls(): string[]
  /** The URLs to which writers post. Default: all URLs. */
  writable?(): string[]
  /** Whether the instances at `urls`, to which the readers are connected, are subscribed to the room. */
  isSubscribed(room: string, urls: ReadonlySet<string>): Promise<boolean>
  readers?: number
  writers?: number
}

export class Workload {
  readonly room = nanoid()
  readonly readers: Reader[] = []
  /** The ids of acknowledged locations. */
  readonly acknowledged: string[] = []
  readonly caughtUpMs: number[] = []
  /** For each fault, the time from its end until every reader has received a reset. */
  readonly resetMs: number[] = []
  /** The number of failed posts by status. 0 means that there was no response. */
  readonly refusals = new Map<number, number>()
  readonly #options: WorkloadOptions
  readonly #random = random(seed)
  readonly #writing: Promise<void>[] = []
  #seq = 0
  #newest = '0-0'
  #hasEnded = false
  #isStopped = false

  constructor(options: WorkloadOptions) {
    this.#options = options
  }

  /** Starts readers and writers. Resolves once every reader has its snapshot and there is an acknowledged location for each writer. */
  async start(): Promise<void> {
    const { readers = 6, writers = 3 } = this.#options
    for (let i = 0; i < readers; i++) this.readers.push(new Reader())
    this.reconnect()
    await waitFor('every reader has its snapshot', () => this.readers.every(({ segments }) => segments.length > 0))
    for (let i = 0; i < writers; i++) this.#writing.push(this.#write(`writer-${i}`))
    const target = this.acknowledged.length + writers
    await waitFor('the first locations are acknowledged', () => this.acknowledged.length >= target)
  }

  /** Opens every reader's stream and reopens it whenever it ends. */
  reconnect(): void {
    const { urls } = this.#options
    for (const [i, reader] of this.readers.entries()) {
      let turn = i
      reader.stay(() => urls()[turn++ % urls().length] ?? '', this.room)
    }
  }

  /** Posts a location and retries until the server accepts it. Resolves with the event's id. */
  async post(user: string, x = 0, y = 0): Promise<string> {
    const body = JSON.stringify({ user, x, y, seq: ++this.#seq })
    for (;;) {
      if (this.#isStopped) return ''
      const { urls: all, writable = all } = this.#options
      const urls = writable()
      const url = urls[this.#random.below(urls.length)]
      const { status, id } = await this.#postOnce(`${url}/rooms/${this.room}/location`, body)
      if (status === 200) {
        this.acknowledged.push(id)
        if (byId(id, this.#newest) > 0) this.#newest = id
        return id
      }
      this.refusals.set(status, (this.refusals.get(status) ?? 0) + 1)
      await setTimeout(retryMs)
    }
  }

  /** Resolves once `count` more locations are acknowledged. */
  async untilAcknowledged(count: number): Promise<void> {
    const target = this.acknowledged.length + count
    await waitFor(`${count} more locations are acknowledged`, () => this.acknowledged.length >= target, {
      timeoutMs: 60_000,
    })
  }

  /**
   * Call this once a fault is over. Measures the time from when every instance is subscribed to the room again until every
   * reader has all acknowledged locations, then checks that every reader receives a new location.
   */
  async catchUp(): Promise<void> {
    const isSubscribed = () => this.#options.isSubscribed(this.room, new Set(this.readers.map(({ server }) => server)))
    await waitFor('Pub/Sub is back', isSubscribed, { intervalMs: 5 })
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

  /** Stops the writers, compares the events of the readers with the acknowledged ones, and prints and checks the result. */
  async finish(name: string, rounds: number, mustPass = true): Promise<{ lost: number; resets: number }> {
    this.#hasEnded = true
    await Promise.all(this.#writing)
    const last = await this.post('last')
    const log = this.acknowledged.toSorted(byId)
    // A reader that does not receive the last location counts as having lost it, so a rejection is no error here.
    const all = Promise.allSettled(this.readers.map(reader => reader.until(() => reader.lastEventId === last)))
    await Promise.race(mustPass ? [all] : [all, setTimeout(naiveWaitMs)])
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
    const resetFigures = this.resetMs.length > 0 ? { resetMs: Math.round(Math.max(...this.resetMs)) } : {}
    report(name, { seed, rounds, ...figures, ...resetFigures })
    if (mustPass) await this.#expectPromised(log, figures)
    this.stop()
    return figures
  }

  /** Stops the writers and disconnects the readers. */
  stop(): void {
    this.#hasEnded = this.#isStopped = true
    for (const reader of this.readers) reader.drop()
  }

  async #expectPromised(log: string[], figures: object): Promise<void> {
    expect(figures).toMatchObject({ lost: 0, dup: 0, disorder: 0 })
    expect(new Set(log).size).toBe(log.length)
    expect(Math.max(...this.caughtUpMs)).toBeLessThan(catchUpLimitMs)
    const url = this.#options.urls()[0] ?? ''
    // A lease can expire between the response and the comparison.
    await waitFor('the locations of every reader equal those of GET', async () => {
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

/** Prints the figures in one line. Appends them to the file that `FAULT_FIGURES` names, if it is set. */
export function report(name: string, figures: Record<string, number>): void {
  const text = Object.entries(figures)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ')
  process.stdout.write(`${name}: ${text}\n`)
  const file = process.env.FAULT_FIGURES
  if (file) appendFileSync(file, `${JSON.stringify({ name, ...figures })}\n`)
}
