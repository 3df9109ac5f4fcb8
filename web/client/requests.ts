/**
 * Sends a room's requests: with the token, and once more with another token after a 401.
 */
import type { TokenSource } from './token.ts'

export interface RequestsOptions {
  tokens: TokenSource
  fetch?: typeof globalThis.fetch | undefined
  credentials?: RequestCredentials | undefined
  /** Called with the answer to come of each request but streams. */
  onRequest?: ((answer: Promise<Response>) => void) | undefined
}

export interface Sending extends RequestInit {
  signal: AbortSignal
  /** Called when the request goes out: the token was there. */
  onSend?: (() => void) | undefined
}

export class Requests {
  readonly #options: RequestsOptions

  constructor(options: RequestsOptions) {
    this.#options = options
  }

  async send(url: string, { onSend, ...init }: Sending): Promise<Response> {
    const { tokens } = this.#options
    const token = await unlessAborted(tokens.get(), init.signal)
    const response = await this.#fetch(url, token, init, onSend)
    if (response.status !== 401) return response
    await response.body?.cancel()
    const other = await unlessAborted(tokens.refused(token), init.signal)
    const answer = await this.#fetch(url, other, init, onSend)
    // The next request asks for yet another one.
    if (answer.status === 401) tokens.revoke(other)
    return answer
  }

  /** Sends the request once, also when its token is refused. */
  async sendOnce(url: string, init: Sending): Promise<Response> {
    return this.#fetch(url, await unlessAborted(this.#options.tokens.get(), init.signal), init)
  }

  /** For a page that ends: sent at once, with the token that is there, and not aborted with the page. */
  sendLast(url: string, init: RequestInit): void {
    const signal = new AbortController().signal
    this.#fetch(url, this.#options.tokens.current, { ...init, keepalive: true, signal }).catch(() => {})
  }

  async #fetch(
    url: string,
    token: string | undefined,
    init: RequestInit & { signal: AbortSignal },
    onSend?: () => void,
  ): Promise<Response> {
    init.signal.throwIfAborted()
    const { fetch = globalThis.fetch, credentials = 'same-origin' } = this.#options
    const headers = new Headers(init.headers)
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    onSend?.()
    const answer = fetch(url, { credentials, ...init, headers })
    if (!onSend) this.#options.onRequest?.(answer)
    return answer
  }
}

export const json = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

/** A token function may take its time; who waits for it may go. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

export const aborted = (signal: AbortSignal): Promise<unknown> =>
  new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))

/** An abort signal that also aborts after a time. Not `AbortSignal.any`: in Node.js 20 it leaks memory. */
export async function withTimeout<T>(
  ms: number,
  outer: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController()
  const abort = () => inner.abort()
  const timer = setTimeout(abort, ms)
  outer?.addEventListener('abort', abort)
  if (outer?.aborted) abort()
  try {
    return await run(inner.signal)
  } finally {
    clearTimeout(timer)
    outer?.removeEventListener('abort', abort)
  }
}
