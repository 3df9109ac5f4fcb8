/**
 * One request for a room's stream, from its start to its end.
 *
 * The request is aborted if no event arrives for 10 seconds. After the first event, `EventStreamConnection` watches for
 * silence.
 */
import { retryAfterMs } from './backoff.ts'
import { type Entry, parseEvent, SnapshotAssembler } from './entries.ts'
import { type ColocateError, errorOf } from './errors.ts'
import { EventStreamParser } from './event-stream-parser.ts'

const SPEAK_MS = 10_000
const FINAL = [400, 401, 403, 404]

/** How a stream ended. */
export interface StreamEnd {
  /** How long the server asks to wait before the next request. */
  afterMs: number
  /** It said nothing. */
  isSilent?: boolean
  /** It was refused for good. */
  error?: ColocateError
}

export interface EventStreamOptions {
  /** It is not given up, however long it says nothing. */
  isPatient: boolean
  /** Requests the stream. */
  open(signal: AbortSignal): Promise<Response>
  onEntries(entries: Entry[]): void
  /** Called once, unless the stream was closed before. */
  onEnd(end: StreamEnd): void
}

export class EventStream {
  /** When the last bytes came. */
  heardAt = Date.now()
  #hasSpoken = false
  #isOver = false
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #ending = new AbortController()
  readonly #options: EventStreamOptions

  constructor(options: EventStreamOptions) {
    this.#options = options
    void this.#run()
  }

  close(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#ending.abort()
  }

  async #run(): Promise<void> {
    this.#expectSpeech()
    const response = await this.#options.open(this.#ending.signal).catch(() => undefined)
    if (!response) return this.#end({ afterMs: 0 })
    this.#expectSpeech()
    const type = response.headers.get('content-type') ?? ''
    if (response.status === 200 && response.body && /^text\/event-stream\b/i.test(type)) await this.#read(response.body)
    else if (FINAL.includes(response.status)) this.#end({ afterMs: 0, error: await errorOf(response) })
    else this.#end({ afterMs: retryAfterMs(response.headers) })
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const assembler = new SnapshotAssembler()
    let entries: Entry[] = []
    let retryMs = 0
    const parser = new EventStreamParser({
      onEvent: ({ data, id = '' }) => {
        const event = parseEvent(data)
        if (event) entries.push(...assembler.push(event, id))
      },
      onRetry: ms => {
        retryMs = ms
      },
    })
    const reader = body.getReader()
    for (;;) {
      const chunk = await reader.read().catch(() => undefined)
      if (this.#isOver) return
      if (!chunk?.value) return this.#end({ afterMs: retryMs })
      this.heardAt = Date.now()
      parser.push(chunk.value)
      this.#hasSpoken ||= entries.length > 0
      this.#expectSpeech()
      if (entries.length > 0) this.#options.onEntries(entries)
      entries = []
    }
  }

  #expectSpeech(): void {
    clearTimeout(this.#timer)
    if (!this.#hasSpoken && !this.#isOver && !this.#options.isPatient)
      this.#timer = setTimeout(() => this.#end({ afterMs: 0, isSilent: true }), SPEAK_MS)
  }

  #end(end: StreamEnd): void {
    if (this.#isOver) return
    this.close()
    this.#options.onEnd(end)
  }
}
