/**
 * The newest part of a topic's log as encoded frames: what this instance can replay without asking the broker.
 *
 * Frames are numbered from the first one that was appended, and a frame's number never changes. A session's position is
 * such a number: the frames from there to `end` are the ones that it lacks.
 */
import { beginning, type EventId, parseId } from '../broker/broker.ts'

/** Consecutive frames as bytes. All sessions at `from` get the same chunk. */
interface Chunk {
  from: number
  to: number
  /** Whether the chunk is as long as a chunk may be, so that a later frame does not extend it. */
  isFull: boolean
  bytes: Buffer
}

interface Frame {
  id: EventId
  text: string
}

/** A chunk ends after the frame that makes it this long, in characters. */
const chunkLength = 64 * 1024
/**
 * The characters (at most three bytes each) that may be appended between two trims. Past this the buffer shrinks to its
 * limit, and the sessions that have not reached what is left get a snapshot.
 */
const maxUntrimmedLength = 16 * 1024 * 1024

export class ReplayBuffer {
  readonly #limit: number
  readonly #onFrame: (events: number) => void
  #frames: Frame[] = []
  #start = 0
  /** The id of the event before the first frame; null if it is unknown. */
  #before: EventId | null
  #isComplete: boolean
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
    return this.#start + this.#frames.length
  }

  /** Whether the history has nothing older to prepend. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  append(id: EventId, text: string): void {
    this.#frames.push({ id, text })
    this.#untrimmedLength += text.length
    if (this.#untrimmedLength > maxUntrimmedLength) {
      this.#untrimmedLength = 0
      this.#drop(this.#frames.length - this.#limit)
    }
  }

  /** Inserts older frames. `before` is the id of the event before them, or null if it is unknown. */
  prepend(frames: Frame[], before: EventId | null, isComplete: boolean): void {
    const known = new Set(this.#frames.map(({ id }) => id))
    const older = frames.filter(({ id }) => !known.has(id))
    this.#frames.unshift(...older)
    this.#start -= older.length
    this.#before = before
    this.#isComplete = isComplete
  }

  /** Returns the number of the frame after the event `id`, or null if that very event is not in the buffer. */
  after(id: EventId): number | null {
    if (id === this.#before && this.#frames.length <= this.#limit) return this.#start
    const oldest = Math.max(0, this.#frames.length - this.#limit)
    for (let i = this.#frames.length - 1; i >= oldest; i--) if (this.#frames[i]?.id === id) return this.#start + i + 1
    return null
  }

  has(id: EventId): boolean {
    return this.#frames.some(frame => frame.id === id)
  }

  /** When the event of that frame was published, in milliseconds since 1970. A dropped frame counts as the oldest one. */
  publishedAt(number: number): number {
    const [ms] = parseId(this.#frames[Math.max(0, number - this.#start)]?.id ?? '')
    return ms
  }

  /** Returns the next frames for a session at `from`, encoded once for all sessions that are there. */
  chunk(from: number): Chunk {
    const last = this.#chunk
    if (last?.from === from && (last.isFull || last.to === this.end)) return last
    let text = ''
    let to = from
    do {
      text += this.#frames[to - this.#start]?.text ?? ''
      to++
    } while (to < this.end && text.length < chunkLength)
    this.#chunk = { from, to, isFull: text.length >= chunkLength, bytes: Buffer.from(text) }
    this.#onFrame(to - from)
    return this.#chunk
  }

  /** Drops frames past the limit. `reached`: every session that can take more bytes is at this number or after it. */
  trim(reached: number): void {
    this.#untrimmedLength = 0
    const excess = Math.min(this.#frames.length - this.#limit, reached - this.#start)
    // In large steps, because each step moves all the remaining frames.
    if (excess >= this.#limit) this.#drop(excess)
  }

  #drop(count: number): void {
    if (count <= 0) return
    this.#frames.splice(0, count)
    this.#start += count
    this.#before = null
    // Sessions may resume only within the limit, and the buffer has that many frames.
    this.#isComplete = true
  }
}
