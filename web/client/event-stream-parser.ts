/**
 * Parses an event stream as the HTML standard does (9.2.6), whatever its chunk borders and line ends.
 *
 * The package `eventsource-parser` is not used: it delays an event if a chunk ends with CR, and drops the id of a block
 * without data.
 */
export interface ParsedEvent {
  event: string
  data: string
  /** The event's own id; undefined without an `id` field. */
  id: string | undefined
}

export interface ParserOptions {
  onEvent(event: ParsedEvent): void
  onRetry(ms: number): void
}

export class EventStreamParser {
  /** The last event id, as in the standard: it stays until another one comes. */
  lastEventId: string
  readonly #options: ParserOptions
  // `push` removes the byte order mark. The decoder of Node.js 24 would remove two, but the standard removes only one.
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  #isStart = true
  #rest = ''
  #endedWithCr = false
  #event = ''
  #data: string[] = []
  /** The id of the block that is being read. It takes effect at the blank line that ends the block. */
  #id: string | undefined

  /** `lastEventId` is the one of the stream that this one resumes. */
  constructor(options: ParserOptions, lastEventId = '') {
    this.#options = options
    this.lastEventId = lastEventId
  }

  push(bytes: Uint8Array): void {
    let text = this.#decoder.decode(bytes, { stream: true })
    if (text === '') return
    // A CR has ended its line already; this LF belongs to it.
    if ((this.#isStart && text[0] === '\ufeff') || (this.#endedWithCr && text[0] === '\n')) text = text.slice(1)
    this.#isStart = false
    this.#endedWithCr = text.endsWith('\r')
    const lines = (this.#rest + text).split(/\r\n|\n|\r/)
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#take(line)
  }

  #take(line: string): void {
    if (line === '') return this.#dispatch()
    const [field, ...parts] = line.split(':')
    const value = parts.join(':').replace(/^ /, '')
    if (field === 'data') this.#data.push(value)
    else if (field === 'event') this.#event = value
    else if (field === 'id' && !value.includes('\0')) this.#id = value
    else if (field === 'retry' && /^\d+$/.test(value)) this.#options.onRetry(Number(value))
  }

  #dispatch(): void {
    const [event, data, id] = [this.#event, this.#data, this.#id]
    this.#event = ''
    this.#data = []
    this.#id = undefined
    this.lastEventId = id ?? this.lastEventId
    if (data.length > 0) this.#options.onEvent({ event: event || 'message', data: data.join('\n'), id })
  }
}
