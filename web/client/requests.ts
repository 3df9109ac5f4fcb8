/**
 * Sends a room's requests: with the token, and once more with another token after a 401.
 */
import type { TokenSource } from './token.ts'

export interface RequestsOptions {
  tokens: TokenSource
  fetch?: typeof globalThis.fetch | undefined
  credentials?: RequestCredentials | undefined
  /** Called with the promise of the answer to each request that is not a stream. */
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

  async send(url: string, init: Sending): Promise<Response> {
    const { tokens } = this.#options
    for (let { isOnce } = init; ; isOnce = true) {
      const token = await tokens.get()
      const response = await this.#fetch(url, token, init)
      if (response.status !== 401) return response
      tokens.revoke(token)
      if (isOnce) return response
      await response.body?.cancel()
    }
  }

  /** For a page that is being unloaded: sends at once, with the current token. The request outlives the page. */
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
