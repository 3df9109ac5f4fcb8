/**
 * Appends a run's values to its log, in order. What arrives during one append is appended together in the next one.
 */

export interface RunWriterOptions {
  /** Appends values, the first of which has that number. Returns false if the log does not take them any more. */
  append(seq: number, values: string[]): Promise<boolean>
  /** Everything up to here was appended, so the writer has room again. */
  onAppended(): void
  /** Values were lost. Nothing is appended after that. */
  onLost(): void
}

/** How much may wait to be appended, in bytes. */
const maxPendingBytes = 256 * 1024

export class RunWriter {
  readonly #options: RunWriterOptions
  #seq = 1
  #pending: string[] = []
  #pendingBytes = 0
  #appending: Promise<void> | undefined
  #isLost = false

  constructor(options: RunWriterOptions) {
    this.#options = options
  }

  /** Whether more waits than should: the upstream must be paused. */
  get isFull(): boolean {
    return this.#pendingBytes > maxPendingBytes
  }

  add(value: string): void {
    if (this.#isLost) return
    this.#pending.push(value)
    this.#pendingBytes += Buffer.byteLength(value)
    this.#appending ??= this.#append()
  }

  /** Resolves with true once all values are in the log, and with false if some are lost. */
  async flushed(): Promise<boolean> {
    await this.#appending
    return !this.#isLost
  }

  async #append(): Promise<void> {
    const { append, onAppended, onLost } = this.#options
    // Values that are added in the same tick go together.
    await undefined
    while (this.#pending.length > 0) {
      const values = this.#pending
      this.#pending = []
      this.#pendingBytes = 0
      if (await append(this.#seq, values)) {
        this.#seq += values.length
        onAppended()
      } else {
        this.#isLost = true
        this.#pending = []
        onLost()
      }
    }
    this.#appending = undefined
  }
}
