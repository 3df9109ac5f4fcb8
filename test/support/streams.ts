/**
 * An event stream over real HTTP, read as fast as it comes: its raw text, its events, and ways to wait for them.
 */
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { fold, type LocationsByUser } from '../../web/client/fold.ts'
import type { RoomEvent } from '../../web/wire.ts'

/** A room's event with its id. */
export type Seen<T extends RoomEvent['type'] = RoomEvent['type']> = Extract<RoomEvent, { type: T }> & {
  id: string | undefined
}

/** What is awaited fails after this: long enough for a busy machine, and shorter than a test's own limit. */
const timeoutMs = 15_000

export class TestStream {
  readonly status: number
  readonly headers: Headers
  /** All that came, as it came. */
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
      this.#tell()
    })
  }

  /** Resolves as soon as it is so, looked at whenever something came. */
  async until(isSo: () => boolean): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (!isSo()) {
      if (this.isEnded) throw new Error(`The stream ended first. It said: …${this.text.slice(-600)}`)
      await this.#change(deadline)
    }
  }

  async ended(): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (!this.isEnded) await this.#change(deadline)
  }

  /** The next event that nobody took yet; with a type or a test, the next such, and those before it are passed over. */
  async next<T extends RoomEvent['type']>(type?: T, isIt: (seen: Seen<T>) => boolean = () => true): Promise<Seen<T>> {
    for (;;) {
      await this.until(() => this.events.length > this.#taken)
      const seen = seenOf(this.events[this.#taken++])
      if ((type === undefined || seen.type === type) && isIt(seen as Seen<T>)) return seen as Seen<T>
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

  /** Every event so far, taken or not. */
  get seen(): Seen[] {
    return this.events.map(seenOf)
  }

  /** The last event's id, as a browser would send it. */
  get lastEventId(): string {
    return this.events.findLast(({ id }) => id !== undefined)?.id ?? ''
  }

  /** Who is where, by what came so far. */
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
        this.#tell()
      }
    } catch {
      // Closed here, or by the server's end.
    }
  }

  #tell(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  #change(deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`Nothing like it came. The stream said: …${this.text.slice(-600)}`)),
        Math.max(0, deadline - performance.now()),
      )
      this.#waiting.add(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}

/** Resolves once the answer's head is there, whatever it is. */
export async function openStream(url: string, init: RequestInit = {}): Promise<TestStream> {
  const abort = new AbortController()
  return new TestStream(await fetch(url, { ...init, signal: abort.signal }), abort)
}

function seenOf(event: EventSourceMessage | undefined): Seen {
  return { id: event?.id, ...JSON.parse(event?.data ?? '') }
}
