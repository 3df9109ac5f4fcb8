/**
 * `@colocate/client/stream`: any event stream as an async iterable, by GET or POST.
 */
import { backoffMs, retryAfterMs } from './backoff.ts'
import { errorOf } from './errors.ts'
import { EventStreamParser } from './event-stream-parser.ts'
import { Requests } from './requests.ts'
import { TokenSource } from './token.ts'
import type { Token } from './types.ts'
import { untilAborted } from './until-aborted.ts'

export interface StreamEvent {
  event: string
  data: string
  /** The last event id: it stays until another one comes. */
  id: string
}

export interface StreamOptions {
  /** Default: `POST` with a body, else `GET`. */
  method?: string | undefined
  /** A string is sent as it is, anything else as JSON. */
  body?: unknown
  headers?: HeadersInit | undefined
  /** Sent as `Authorization: Bearer`. */
  token?: Token | undefined
  /** Resumes after this event. */
  lastEventId?: string | undefined
  signal?: AbortSignal | undefined
  /** Checks each answer instead of the default check. May throw a `FatalError` or a `RetriableError`. */
  onOpen?: ((response: Response) => void | Promise<void>) | undefined
  /**
   * Called before each wait for the next request. `error` is undefined if the stream ended normally. An error that this
   * function throws ends the iteration.
   */
  onRetry?: ((error: Error | undefined) => void) | undefined
  credentials?: RequestCredentials | undefined
  fetch?: typeof globalThis.fetch | undefined
}

interface StreamErrorOptions extends ErrorOptions {
  response?: Response | undefined
}

/** The stream can't be read: the same request would fail again. */
export class FatalError extends Error {
  override readonly name = 'FatalError'
  /** The answer, if there was one. */
  readonly response: Response | undefined

  constructor(message?: string, options?: StreamErrorOptions) {
    super(message, options)
    this.response = options?.response
  }
}

/** The stream broke off, or can't be read now. A GET is repeated; for a POST the caller decides. */
export class RetriableError extends Error {
  override readonly name = 'RetriableError'
  readonly response: Response | undefined

  constructor(message?: string, options?: StreamErrorOptions) {
    super(message, options)
    this.response = options?.response
  }
}

/**
 * Reads an event stream. A GET that ends or breaks off is repeated with `Last-Event-ID` until the server answers 204. A POST is
 * never sent twice: it is resumed by GET where the answer had a `Location`.
 */
export async function* openStream(
  url: string | URL,
  options: StreamOptions = {},
): AsyncGenerator<StreamEvent, void, undefined> {
  const ending = new AbortController()
  const abort = () => ending.abort()
  options.signal?.addEventListener('abort', abort)
  if (options.signal?.aborted) abort()
  const source = new StreamSource(url, options, ending.signal)
  try {
    for (let failures = 0; ; failures++) {
      let broken: Error | undefined
      try {
        const response = await untilAborted(ending.signal, () => source.request())
        if (!response?.body) return
        for await (const event of source.read(response.body)) {
          failures = 0
          yield event
        }
      } catch (error) {
        broken = source.judge(error)
      }
      if (!source.canResume) return
      await source.pause(failures, broken)
    }
  } finally {
    options.signal?.removeEventListener('abort', abort)
    source.close()
    abort()
  }
}

class StreamSource {
  readonly #options: StreamOptions
  readonly #signal: AbortSignal
  readonly #tokens: TokenSource
  readonly #requests: Requests
  #url: URL
  #method: string
  #lastEventId: string
  /** How long to wait before the next request: the server's `retry` field. */
  #retryMs: number | undefined
  #retryAfterMs = 0
  /** Whether a GET may follow. */
  canResume: boolean
  /** Whether a POST's answer ended normally. A GET of its `Location` then shows whether more events follow. */
  #mayBeOver = false

  constructor(url: string | URL, options: StreamOptions, signal: AbortSignal) {
    const {
      method = options.body === undefined ? 'GET' : 'POST',
      lastEventId = '',
      token,
      fetch,
      credentials,
    } = options
    this.#options = options
    this.#signal = signal
    this.#tokens = new TokenSource({ token })
    this.#requests = new Requests({ tokens: this.#tokens, fetch, credentials })
    // A URL that can't be parsed is a mistake, not a network that fails.
    this.#url = new URL(url, globalThis.location?.href)
    this.#method = method.toUpperCase()
    this.#lastEventId = lastEventId
    this.canResume = this.#method === 'GET'
  }

  /** Resolves with undefined when the stream is over. */
  async request(): Promise<Response | undefined> {
    const isFirstPost = !this.canResume
    const response = await this.#send(isFirstPost)
    if (response.status === 204) return undefined
    if (this.#mayBeOver && (response.status < 500 ? !isEventStream(response) : false)) return undefined
    await (this.#options.onOpen ?? check)(response)
    const location = isFirstPost && response.headers.get('location')
    if (location) {
      this.#url = new URL(location, response.url || this.#url)
      this.#method = 'GET'
      this.canResume = true
    }
    this.#mayBeOver = isFirstPost
    return response
  }

  async *read(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
    const events: StreamEvent[] = []
    const parser: EventStreamParser = new EventStreamParser(
      {
        onEvent: ({ event, data }) => events.push({ event, data, id: parser.lastEventId }),
        onRetry: ms => {
          this.#retryMs = ms
        },
      },
      this.#lastEventId,
    )
    const reader = body.getReader()
    try {
      for (;;) {
        const { value } = await reader.read().catch(fail)
        parser.push(value ?? blankLine)
        for (const event of events.splice(0)) {
          this.#lastEventId = event.id
          yield event
        }
        this.#lastEventId = parser.lastEventId
        if (!value) return
      }
    } finally {
      await reader.cancel().catch(() => {})
    }
  }

  /** Returns the error if a GET may follow it, and throws it otherwise. */
  judge(error: unknown): Error {
    if (this.#signal.aborted) throw new DOMException('The stream was aborted.', 'AbortError')
    if (!(error instanceof RetriableError) || !this.canResume) throw error
    this.#mayBeOver = false
    this.#retryAfterMs = error.response ? retryAfterMs(error.response.headers) : 0
    return error
  }

  /** Waits before the next request; not after a POST that ended in order. */
  async pause(failures: number, error: Error | undefined): Promise<void> {
    if (this.#mayBeOver) return
    this.#options.onRetry?.(error)
    const ownMs = failures === 0 && this.#retryMs !== undefined ? this.#retryMs : backoffMs(failures)
    const waitMs = Math.max(ownMs, this.#retryMs ?? 0, this.#retryAfterMs)
    this.#retryAfterMs = 0
    await untilAborted(this.#signal, () => new Promise(() => {}), waitMs).catch(() => {})
    if (this.#signal.aborted) throw new DOMException('The stream was aborted.', 'AbortError')
  }

  close(): void {
    this.#tokens.close()
  }

  async #send(isFirstPost: boolean): Promise<Response> {
    const headers = new Headers(this.#options.headers)
    if (!headers.has('accept')) headers.set('accept', 'text/event-stream')
    if (this.#lastEventId !== '') headers.set('last-event-id', toByteString(this.#lastEventId))
    const init: RequestInit & { signal: AbortSignal } = { headers, cache: 'no-store', signal: this.#signal }
    if (isFirstPost) {
      const { body } = this.#options
      if (typeof body !== 'string' && body !== undefined && !headers.has('content-type'))
        headers.set('content-type', 'application/json')
      init.method = this.#method
      init.body = typeof body === 'string' || body === undefined ? (body ?? null) : JSON.stringify(body)
    } else headers.delete('content-type')
    const isOnce = isFirstPost || this.#options.token === undefined
    return this.#requests.send(this.#url.href, { ...init, isOnce }).catch(fail)
  }
}

const isEventStream = ({ status, headers }: Response) =>
  status === 200 && /^text\/event-stream\b/i.test(headers.get('content-type') ?? '')

/** Called only where an error comes from the network. */
function fail(cause: unknown): never {
  throw new RetriableError(cause instanceof Error ? cause.message : String(cause), { cause })
}

/** Added at the end of a stream that ended normally, so that a last event without a blank line counts, too. */
const blankLine = new TextEncoder().encode('\n\n')

/** The default of `onOpen`. */
async function check(response: Response): Promise<void> {
  if (isEventStream(response)) return
  const { status, headers } = response
  const { detail } = await errorOf(response.clone())
  const mayPass = status >= 500 || status === 408 || status === 429
  if (mayPass) throw new RetriableError(detail, { response })
  if (!response.ok) throw new FatalError(detail, { response })
  throw new FatalError(`The answer is no event stream but ${headers.get('content-type') ?? 'untyped'}.`, { response })
}

/** A header carries bytes; an id is sent as UTF-8. */
const toByteString = (text: string) => String.fromCharCode(...new TextEncoder().encode(text))
