/**
 * An upstream's bytes as events, however they are cut, whatever ends their lines.
 */
import { createParser } from 'eventsource-parser'

export interface UpstreamEvent {
  event: string | undefined
  data: string
}

export class UpstreamEvents {
  /** Whether an event did not end within the bound; nothing can be read after that. */
  isTooLong = false
  #found: UpstreamEvent[] = []
  #endedInCr = false
  // Takes a byte order mark away, and keeps half characters.
  readonly #decoder = new TextDecoder()
  readonly #parser

  /** `maxLength`: characters of one event. */
  constructor(maxLength: number) {
    this.#parser = createParser({
      maxBufferSize: maxLength,
      onEvent: ({ event, data }) => this.#found.push({ event, data }),
      onError: ({ type }) => {
        if (type === 'max-buffer-size-exceeded') this.isTooLong = true
      },
    })
  }

  /** The events that these bytes complete. */
  read(bytes: Buffer): UpstreamEvent[] {
    const text = this.#decoder.decode(bytes, { stream: true })
    if (text !== '' && !this.isTooLong) this.#parser.feed(this.#withLineFeeds(text))
    const found = this.#found
    this.#found = []
    return found
  }

  /** Every line ends in one line feed: the parser would wait after a CR whether a line feed comes. */
  #withLineFeeds(text: string): string {
    const rest = this.#endedInCr && text.startsWith('\n') ? text.slice(1) : text
    this.#endedInCr = text.endsWith('\r')
    return rest.replace(/\r\n?/g, '\n')
  }
}
