/**
 * The end of a topic's log as frames: what this instance can replay without asking anybody.
 *
 * Frames are numbered from the first that was ever here; a reader is such a number, and what it lacks is what lies
 * between its number and `end`. No frame's number ever changes.
 */
import { beginning, type EventId } from '../broker/broker.ts'

/** Some frames in a row as bytes, the same for everybody who is at `from`. */
interface Chunk {
  from: number
  to: number
  end: number
  bytes: Buffer
}

interface Frame {
  id: EventId
  text: string
}

/** What is written to one reader at a time, at most, unless one frame is longer. */
const chunkLength = 64 * 1024

export class ReplayBuffer {
  readonly #limit: number
  readonly #onFrame: (events: number) => void
  #frames: Frame[] = []
  #start = 0
  /** The id before the first frame, if it is known. */
  #before: EventId | null
  /** Whether these are all the frames that there are to be had. */
  #whole: boolean
  #chunk: Chunk | null = null

  /** `limit`: frames to keep. `onFrame` hears of each chunk that was encoded. */
  constructor(limit: number, before: EventId, onFrame: (events: number) => void = () => {}) {
    this.#limit = limit
    this.#onFrame = onFrame
    this.#before = before
    this.#whole = before === beginning
  }

  get start(): number {
    return this.#start
  }

  get end(): number {
    return this.#start + this.#frames.length
  }

  get isWhole(): boolean {
    return this.#whole
  }

  append(id: EventId, text: string): void {
    this.#frames.push({ id, text })
  }

  /**
   * Puts the frames before those that are here. `before` is the id before the first of them, if it is known; `isWhole`:
   * there are none before.
   */
  prepend(frames: Frame[], before: EventId | null, isWhole: boolean): void {
    const known = new Set(this.#frames.map(({ id }) => id))
    const older = frames.filter(({ id }) => !known.has(id))
    this.#frames.unshift(...older)
    this.#start -= older.length
    this.#before = before
    this.#whole = isWhole
  }

  /** The number of the frame that follows `id`, or null: that very event is not in the history. */
  after(id: EventId): number | null {
    if (id === this.#before && this.#frames.length <= this.#limit) return this.#start
    const oldest = Math.max(0, this.#frames.length - this.#limit)
    for (let i = this.#frames.length - 1; i >= oldest; i--) if (this.#frames[i]?.id === id) return this.#start + i + 1
    return null
  }

  has(id: EventId): boolean {
    return this.#frames.some(frame => frame.id === id)
  }

  /** What a reader at `from` is written next. Encoded once for all who are there. */
  chunk(from: number): Chunk {
    if (this.#chunk?.from === from && this.#chunk.end === this.end) return this.#chunk
    let text = ''
    let to = from
    do {
      text += this.#frames[to - this.#start]?.text ?? ''
      to++
    } while (to < this.end && text.length < chunkLength)
    this.#chunk = { from, to, end: this.end, bytes: Buffer.from(text) }
    this.#onFrame(to - from)
    return this.#chunk
  }

  /** Forgets what is past the limit and before `reached`, where every reader is who takes what it is written. */
  trim(reached: number): void {
    const excess = Math.min(this.#frames.length - this.#limit, reached - this.#start)
    // In large steps, since each moves all that stays.
    if (excess < this.#limit) return
    this.#frames.splice(0, excess)
    this.#start += excess
    this.#before = null
    this.#whole = true
  }
}
