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
  isStream?: boolean
  /** It is not repeated with another token. */
  isOnce?: boolean
}

export class Requests {
  readonly #options: RequestsOptions

  constructor(options: RequestsOptions) {
    this.#options = options
  }

  async send(url: string, init: Sending & { signal: AbortSignal }): Promise<Response> {
    const { tokens } = this.#options
    for (let { isOnce } = init; ; isOnce = true) {
      const token = await unlessAborted(tokens.get(), init.signal)
      const response = await this.#fetch(url, token, init)
      if (response.status !== 401) return response
      tokens.revoke(token)
      if (isOnce) return response
      await response.body?.cancel()
    }
  }

  /** For a page that ends: sent at once, with the token that is there, and not aborted with the page. */
  sendLast(url: string, init: RequestInit): void {
    this.#fetch(url, this.#options.tokens.current, { ...init, keepalive: true }).catch(() => {})
  }

  async #fetch(url: string, token: string | undefined, init: Sending): Promise<Response> {
    const { fetch = globalThis.fetch, credentials = 'same-origin', onRequest } = this.#options
    const headers = new Headers(init.headers)
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    const answer = fetch(url, { credentials, ...init, headers })
    if (!init.isStream) onRequest?.(answer)
    return answer
  }
}

export const json = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

/** Rejects when the signal aborts first. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let end = () => {}
  const aborted = new Promise<never>((_, reject) => {
    end = onAbort(signal, () => reject(signal.reason))
  })
  return Promise.race([promise, aborted]).finally(end)
}

/** Runs with a signal that also aborts after a time. Not `AbortSignal.any`: in Node.js 20 it leaks memory. */
export async function withTimeout<T>(
  ms: number,
  outer: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController()
  const abort = () => inner.abort()
  const timer = setTimeout(abort, ms)
  const end = onAbort(outer, abort)
  try {
    return await run(inner.signal)
  } finally {
    clearTimeout(timer)
    end()
  }
}

function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  signal?.addEventListener('abort', listener)
  if (signal?.aborted) listener()
  return () => signal?.removeEventListener('abort', listener)
}
