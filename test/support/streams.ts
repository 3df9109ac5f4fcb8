/**
 * An event stream over real HTTP, read as fast as it arrives: its text, its events, and methods that wait for them.
 */
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { RoomEvent } from '../../web/wire.ts'
import { fold, type LocationsByUser } from './fold.ts'

/** An event of a room with its id. */
export type Seen<T extends RoomEvent['type'] = RoomEvent['type']> = Extract<RoomEvent, { type: T }> & {
  id: string | undefined
}

/** The limit of each wait: long enough for a busy machine, and shorter than a test's own limit. */
const timeoutMs = 15_000

export class TestStream {
  readonly status: number
  readonly headers: Headers
  /** The whole text of the stream. */
  text = ''
  readonly events: EventSourceMessage[] = []
  isEnded = false
  readonly #abort: AbortController
  #taken = 0
  #waiting = new Set<() => void>()

  constructor(response: Response, abort: AbortController) {
    this.status = response.status
    this.headers = response.headers
    this.#abort = abort
    void this.#read(response).finally(() => {
      this.isEnded = true
      this.#notify()
    })
  }

  /** Resolves once `condition` holds. It is checked whenever data arrives. */
  async until(condition: () => boolean): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (!condition()) {
      if (this.isEnded)
        throw new Error(`The stream ended before the condition held. Its text: …${this.text.slice(-600)}`)
      await this.#change(deadline)
    }
  }

  async ended(): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (!this.isEnded) await this.#change(deadline)
  }

  /** Returns the next event. With a type or a condition, skips the events that do not match. */
  async next<T extends RoomEvent['type']>(
    type?: T,
    matches: (seen: Seen<T>) => boolean = () => true,
  ): Promise<Seen<T>> {
    for (;;) {
      await this.until(() => this.events.length > this.#taken)
      const seen = seenOf(this.events[this.#taken++])
      if ((type === undefined || seen.type === type) && matches(seen as Seen<T>)) return seen as Seen<T>
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Seen> {
    for (;;) {
      while (this.events.length === this.#taken) {
        if (this.isEnded) return
        await this.#change(performance.now() + timeoutMs)
      }
      yield seenOf(this.events[this.#taken++])
    }
  }

  /** All events so far, whether or not `next` has returned them. */
  get seen(): Seen[] {
    return this.events.map(seenOf)
  }

  /** The id that a browser would send as Last-Event-ID. */
  get lastEventId(): string {
    return this.events.findLast(({ id }) => id !== undefined)?.id ?? ''
  }

  /** The locations by user, from the events so far. */
  get who(): LocationsByUser {
    const who: LocationsByUser = new Map()
    for (const { id: _, ...event } of this.seen) fold(who, event)
    return who
  }

  /** Drops the connection. */
  close(): void {
    this.#abort.abort()
  }

  async #read(response: Response): Promise<void> {
    const parser = createParser({ onEvent: event => this.events.push(event) })
    const decoder = new TextDecoder()
    try {
      for await (const bytes of response.body ?? []) {
        const text = decoder.decode(bytes, { stream: true })
        this.text += text
        parser.feed(text)
        this.#notify()
      }
    } catch {
      // The stream was closed by `close` or by the end of the server.
    }
  }

  #notify(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  #change(deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`The wait timed out. The text of the stream: …${this.text.slice(-600)}`)),
        Math.max(0, deadline - performance.now()),
      )
      this.#waiting.add(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}

/** Opens a stream. Resolves once the head of the answer has arrived, with any status. */
export async function openStream(url: string, init: RequestInit = {}): Promise<TestStream> {
  const abort = new AbortController()
  return new TestStream(await fetch(url, { ...init, signal: abort.signal }), abort)
}

function seenOf(event: EventSourceMessage | undefined): Seen {
  return { id: event?.id, ...JSON.parse(event?.data ?? '') }
}
