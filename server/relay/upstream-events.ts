/**
 * Parses an upstream's bytes into events, for any chunk borders and line ends.
 */
import { createParser } from 'eventsource-parser'

export interface UpstreamEvent {
  event: string | undefined
  data: string
}

export class UpstreamEvents {
  /** Whether an event exceeded the limit. Nothing is parsed after that. */
  isTooLong = false
  #found: UpstreamEvent[] = []
  #endedInCr = false
  // Keeps the bytes of an incomplete character for the next chunk. A decoder that removes byte order marks removes two in
  // Node.js 24, where the standard removes one.
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  #isStart = true
  readonly #parser

  /** `maxLength`: the longest event, in characters. */
  constructor(maxLength: number) {
    this.#parser = createParser({
      maxBufferSize: maxLength,
      onEvent: ({ event, data }) => this.#found.push({ event, data }),
      onError: ({ type }) => {
        if (type === 'max-buffer-size-exceeded') this.isTooLong = true
      },
    })
  }

  /** Returns the events that these bytes complete. */
  read(bytes: Buffer): UpstreamEvent[] {
    return this.#parse(this.#withLineFeeds(this.#withoutMark(this.#decoder.decode(bytes, { stream: true }))))
  }

  /** Returns the event that the upstream's orderly end completes: its blank line may be missing, and the end of its last line. */
  end(): UpstreamEvent[] {
    return this.#parse(`${this.#withLineFeeds(this.#decoder.decode())}\n\n`)
  }

  #parse(text: string): UpstreamEvent[] {
    if (text !== '' && !this.isTooLong) this.#parser.feed(text)
    const found = this.#found
    this.#found = []
    return found
  }

  #withoutMark(text: string): string {
    const isFirst = this.#isStart && text !== ''
    if (isFirst) this.#isStart = false
    return isFirst && text.startsWith('\ufeff') ? text.slice(1) : text
  }

  /** Replaces every line end with a line feed. The parser waits after a CR for the next chunk, which may begin with LF. */
  #withLineFeeds(text: string): string {
    if (text === '') return ''
    const rest = this.#endedInCr && text.startsWith('\n') ? text.slice(1) : text
    this.#endedInCr = text.endsWith('\r')
    return rest.replace(/\r\n?/g, '\n')
  }
}
