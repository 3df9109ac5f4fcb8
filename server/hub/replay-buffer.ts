/**
 * The newest part of a topic's log as encoded frames: what this instance can replay without asking the broker.
 *
 * Frames are numbered from the first one that was appended, and a frame's number never changes. A session's position is
 * such a number: the frames from there to `end` are the ones that it lacks.
 */
import { beginning, type EventId, parseId } from '../broker/broker.ts'
import { Block, type Chunk, maxBlockBytes } from './block.ts'

interface Frame {
  id: EventId
  text: string
}

/**
 * The characters (at most three bytes each) that may be appended between two trims. Past this the buffer shrinks to its
 * limit, and the sessions that have not reached what is left get a snapshot.
 */
const maxUntrimmedLength = 16 * 1024 * 1024

export class ReplayBuffer {
  readonly #limit: number
  readonly #onFrame: (events: number) => void
  #ids: EventId[] = []
  #start = 0
  /** The id of the event before the first frame; null if it is unknown. */
  #before: EventId | null
  #isComplete: boolean
  /** The frames, and possibly some before the first one that were dropped. */
  #blocks: Block[] = []
  #chunk: Chunk | null = null
  #untrimmedLength = 0

  /** `limit`: frames to keep. `before`: the id of the event before the first one. `onFrame` is called for each chunk. */
  constructor(limit: number, before: EventId, onFrame: (events: number) => void = () => {}) {
    this.#limit = limit
    this.#onFrame = onFrame
    this.#before = before
    this.#isComplete = before === beginning
  }

  get start(): number {
    return this.#start
  }

  get end(): number {
    return this.#start + this.#ids.length
  }

  /** Whether the history has nothing older to prepend. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  append(id: EventId, text: string): void {
    appendTo(this.#blocks, this.end, text)
    this.#ids.push(id)
    this.#untrimmedLength += text.length
    if (this.#untrimmedLength > maxUntrimmedLength) {
      this.#untrimmedLength = 0
      this.#drop(this.#ids.length - this.#limit)
    }
  }

  /** Inserts older frames. `before` is the id of the event before them, or null if it is unknown. */
  prepend(frames: Frame[], before: EventId | null, isComplete: boolean): void {
    const known = new Set(this.#ids)
    const older = frames.filter(({ id }) => !known.has(id))
    this.#start -= older.length
    const blocks: Block[] = []
    for (const [i, { text }] of older.entries()) appendTo(blocks, this.#start + i, text)
    this.#blocks.unshift(...blocks)
    this.#ids.unshift(...older.map(({ id }) => id))
    this.#before = before
    this.#isComplete = isComplete
  }

  /** Returns the number of the frame after the event `id`, or null if that very event is not in the buffer. */
  after(id: EventId): number | null {
    if (id === this.#before && this.#ids.length <= this.#limit) return this.#start
    const i = this.#ids.lastIndexOf(id)
    return i >= Math.max(0, this.#ids.length - this.#limit) ? this.#start + i + 1 : null
  }

  has(id: EventId): boolean {
    return this.#ids.includes(id)
  }

  /** When the event of that frame was published, in milliseconds since 1970. A dropped frame counts as the oldest one. */
  publishedAt(number: number): number {
    const [ms] = parseId(this.#ids[Math.max(0, number - this.#start)] ?? '')
    return ms
  }

  /** Returns the next frames for a session at `from`, which must be before the end. */
  chunk(from: number): Chunk {
    const block = this.#blocks.findLast(block => block.from <= from)
    if (!block) throw new RangeError(`frame ${from} is not in the replay buffer`)
    if (this.#chunk?.from !== from || this.#chunk.to !== block.to) {
      this.#chunk = block.chunk(from)
      this.#onFrame(this.#chunk.to - from)
    }
    return this.#chunk
  }

  /** Drops frames past the limit. `reached`: every session that can take more bytes is at this number or after it. */
  trim(reached: number): void {
    this.#untrimmedLength = 0
    const excess = Math.min(this.#ids.length - this.#limit, reached - this.#start)
    // In large steps, because each step moves all the remaining frames.
    if (excess >= this.#limit) this.#drop(excess)
  }

  #drop(count: number): void {
    if (count <= 0) return
    this.#ids.splice(0, count)
    this.#start += count
    this.#blocks = this.#blocks.filter(({ to }) => to > this.#start)
    this.#before = null
    // Sessions may resume only within the limit, and the buffer has that many frames.
    this.#isComplete = true
  }
}

/** A topic with little to replay has one small block; after that a block begins with all of its memory. */
function appendTo(blocks: Block[], number: number, text: string): void {
  const last = blocks.at(-1)
  if (last?.append(text)) return
  const block = new Block(number, last && maxBlockBytes)
  block.append(text)
  blocks.push(block)
}
