/**
 * Reads a room's list of locations every 5 seconds, where a proxy holds streams back.
 */
import type { Entry } from './entries.ts'

const POLL_MS = 5_000

export interface PollerOptions {
  /** Reads the list; undefined when that is not possible. */
  list(): Promise<Entry | undefined>
  /** Keeps the lease. */
  keepAlive(): void
  /** Undefined: the list could not be read. */
  onList(entry: Entry | undefined): void
}

export class ListPoller {
  readonly #options: PollerOptions
  #timer: ReturnType<typeof setTimeout> | undefined
  #isRunning = false

  constructor(options: PollerOptions) {
    this.#options = options
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  start(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    void this.#poll()
  }

  stop(): void {
    this.#isRunning = false
    clearTimeout(this.#timer)
  }

  async #poll(): Promise<void> {
    this.#options.keepAlive()
    const entry = await this.#options.list()
    if (!this.#isRunning) return
    this.#timer = setTimeout(() => void this.#poll(), POLL_MS)
    this.#options.onList(entry)
  }
}
