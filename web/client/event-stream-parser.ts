/**
 * Parses an event stream as the HTML standard does (9.2.6), whatever its chunk borders and line ends.
 *
 * Not `eventsource-parser`: that holds an event back when a chunk ends with CR, and drops the id of a block without data.
 */
export interface ParsedEvent {
  event: string
  data: string
  /** The last event id: it stays until another one comes. */
  id: string
  /** Whether this event had an `id` field of its own. */
  hasId: boolean
}

export interface ParserOptions {
  onEvent(event: ParsedEvent): void
  onRetry?(ms: number): void
}

export class EventStreamParser {
  readonly #options: ParserOptions
  #rest = ''
  #endedWithCr = false
  #event = ''
  #data: string[] = []
  /** The id of the block that is being read; it counts when its blank line is there. */
  #nextId: string
  #id: string
  #hasId = false

  /** `lastEventId` is the one of the stream that this one resumes. */
  constructor(options: ParserOptions, lastEventId = '') {
    this.#options = options
    this.#id = lastEventId
    this.#nextId = lastEventId
  }

  get lastEventId(): string {
    return this.#id
  }

  /** `text` is decoded without its byte order mark, as `TextDecoder` does. */
  push(text: string): void {
    if (text === '') return
    // A CR has ended its line already; this LF belongs to it.
    const start = this.#endedWithCr && text[0] === '\n' ? 1 : 0
    this.#endedWithCr = text.endsWith('\r')
    const lines = (this.#rest + text.slice(start)).split(/\r\n|\n|\r/)
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#take(line)
  }

  /** Dispatches an event that has no blank line after it: its stream ended in order. */
  end(): void {
    if (this.#rest !== '') this.#take(this.#rest)
    this.#rest = ''
    this.#take('')
  }

  #take(line: string): void {
    if (line === '') return this.#dispatch()
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'data') this.#data.push(value)
    else if (field === 'event') this.#event = value
    else if (field === 'id' && !value.includes('\0')) {
      this.#nextId = value
      this.#hasId = true
    } else if (field === 'retry' && /^[0-9]+$/.test(value)) this.#options.onRetry?.(Number(value))
  }

  #dispatch(): void {
    const [event, data, hasId] = [this.#event, this.#data, this.#hasId]
    this.#event = ''
    this.#data = []
    this.#id = this.#nextId
    this.#hasId = false
    if (data.length > 0)
      this.#options.onEvent({ event: event || 'message', data: data.join('\n'), id: this.#id, hasId })
  }
}
