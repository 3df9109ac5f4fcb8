/**
 * Consecutive frames of a topic as bytes. Each frame is encoded once, when it is appended. What a session is written is a
 * part of a block and shares its memory, wherever the session starts.
 */

/** The bytes of a chunk: consecutive frames. */
export interface Chunk {
  from: number
  to: number
  bytes: Buffer
}

/** A block takes frames up to this many bytes. A longer frame has a block of its own. */
export const maxBlockBytes = 64 * 1024
const minBlockBytes = 512

export class Block {
  /** The number of the first frame. */
  readonly from: number
  /** Where each frame ends. */
  readonly #ends: number[] = []
  #bytes: Buffer

  /** `size`: the memory to begin with, in bytes. It grows with the frames. */
  constructor(from: number, size = minBlockBytes) {
    this.from = from
    this.#bytes = Buffer.allocUnsafeSlow(size)
  }

  get to(): number {
    return this.from + this.#ends.length
  }

  get length(): number {
    return this.#ends.at(-1) ?? 0
  }

  /** Returns false, and appends nothing, if the block is full. */
  append(text: string): boolean {
    const { length } = this
    const end = length + Buffer.byteLength(text)
    if (end > maxBlockBytes && length > 0) return false
    if (end > this.#bytes.length) this.#grow(end)
    this.#bytes.write(text, length)
    this.#ends.push(end)
    return true
  }

  /** Returns the frames from that number to the end. They stay as they are when others are appended. */
  chunk(from: number): Chunk {
    const start = from === this.from ? 0 : this.#ends[from - this.from - 1]
    return { from, to: this.to, bytes: this.#bytes.subarray(start, this.length) }
  }

  /** Chunks that sessions are still being written keep the old memory. */
  #grow(needed: number): void {
    const bytes = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(this.#bytes.length * 2, maxBlockBytes)))
    this.#bytes.copy(bytes, 0, 0, this.length)
    this.#bytes = bytes
  }
}
