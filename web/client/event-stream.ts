/**
 * One request for a room's stream, from its start to its end.
 *
 * It is given up when it says nothing for 10 seconds; after its first event, silence is the connection's to judge.
 */
import { retryAfterMs } from './backoff.ts'
import { type Entry, parseEvent, SnapshotAssembler } from './entries.ts'
import { type ColocateError, errorOf } from './errors.ts'
import { EventStreamParser } from './event-stream-parser.ts'

const SPEAK_MS = 10_000
const FINAL = [400, 401, 403, 404]

export type StreamEnd =
  /** It ended, broke off or was answered with something else: come back, not before `afterMs`. */
  | { kind: 'ended'; afterMs: number }
  /** It said nothing. */
  | { kind: 'silent' }
  | { kind: 'refused'; error: ColocateError }

export interface EventStreamOptions {
  /** It is not given up, however long it says nothing. */
  isPatient: boolean
  /** Requests the stream; `onSend` is called when the request goes out. */
  open(signal: AbortSignal, onSend: () => void): Promise<Response>
  onEntries(entries: Entry[]): void
  /** Called once, unless the stream was closed before. */
  onEnd(end: StreamEnd): void
}

export class EventStream {
  readonly openedAt = Date.now()
  /** When the last bytes came. */
  heardAt = Date.now()
  #hasSpoken = false
  #isOver = false
  #retryMs = 0
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
    const expectSpeech = () => this.#expectSpeech()
    const response = await this.#options.open(this.#ending.signal, expectSpeech).catch(() => undefined)
    if (!response) return this.#end({ kind: 'ended', afterMs: 0 })
    if (this.#isOver) return
    this.#expectSpeech()
    const type = response.headers.get('content-type') ?? ''
    if (response.status === 200 && response.body && /^text\/event-stream\b/i.test(type)) await this.#read(response.body)
    else if (FINAL.includes(response.status)) this.#end({ kind: 'refused', error: await errorOf(response) })
    else this.#end({ kind: 'ended', afterMs: retryAfterMs(response.headers) })
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const assembler = new SnapshotAssembler()
    let entries: Entry[] = []
    const parser = new EventStreamParser({
      onEvent: ({ data, id, hasId }) => {
        const event = parseEvent(data)
        if (event) entries.push(...assembler.push(event, hasId ? id : ''))
      },
      onRetry: ms => {
        this.#retryMs = ms
      },
    })
    const reader = body.getReader()
    const decoder = new TextDecoder()
    for (;;) {
      const chunk = await reader.read().catch(() => undefined)
      if (this.#isOver) return
      if (!chunk?.value) return this.#end({ kind: 'ended', afterMs: this.#retryMs })
      this.heardAt = Date.now()
      parser.push(decoder.decode(chunk.value, { stream: true }))
      this.#hasSpoken ||= entries.length > 0
      this.#expectSpeech()
      if (entries.length > 0) this.#options.onEntries(entries)
      if (this.#isOver) return
      entries = []
    }
  }

  #expectSpeech(): void {
    clearTimeout(this.#timer)
    if (!this.#hasSpoken && !this.#isOver && !this.#options.isPatient)
      this.#timer = setTimeout(() => this.#end({ kind: 'silent' }), SPEAK_MS)
  }

  #end(end: StreamEnd): void {
    if (this.#isOver) return
    this.close()
    this.#options.onEnd(end)
  }
}
