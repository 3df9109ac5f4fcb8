/**
 * Reads a room's list of locations every 5 seconds, where a proxy holds streams back.
 */
import type { Entry } from './entries.ts'

const POLL_MS = 5_000
/** The server has noticed by then that the last stream is closed: the lease outlives the grace. */
const SECOND_POLL_MS = 1_000

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
    void this.#poll(SECOND_POLL_MS)
  }

  stop(): void {
    this.#isRunning = false
    clearTimeout(this.#timer)
  }

  async #poll(nextMs = POLL_MS): Promise<void> {
    this.#options.keepAlive()
    const entry = await this.#options.list()
    if (!this.#isRunning) return
    this.#timer = setTimeout(() => void this.#poll(), nextMs)
    this.#options.onList(entry)
  }
}
