/**
 * The access token: when it is requested, and from when on it is no longer used.
 *
 * A function that fails is called again with backoff; requests wait for it. A token that can't be read is used until the
 * server refuses it.
 */
import { backoffMs } from './backoff.ts'
import { ColocateError } from './errors.ts'
import type { Token, TokenRequest } from './types.ts'
import { MAX_TIMEOUT_MS } from './until-aborted.ts'

const MAX_EARLY_MS = 60_000
/** When a token that the server refused has expired. */
const REFUSED = 0

export interface TokenOptions {
  token?: Token | undefined
  onError?(error: ColocateError): void
  /** A newer token has replaced one that would have expired. */
  onRenewed?(): void
}

export interface Claims {
  sub?: string
  exp?: number
  iat?: number
}

/** The claims of a JWT, not verified; none for any other text. */
export function claimsOf(token: string): Claims {
  try {
    const base64 = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')
    const bytes = Uint8Array.from(atob(base64), character => character.charCodeAt(0))
    return Object(JSON.parse(new TextDecoder().decode(bytes)))
  } catch {
    return {}
  }
}

/** When a token that arrives now must be replaced: when a fifth of its life is left, at most 60 s before it expires. */
export function renewalAt({ exp = Number.NaN, iat = Number.NaN }: Claims, now: number): number {
  const expiresAt = exp * 1_000
  const lifeMs = expiresAt - (iat * 1_000 || now)
  return expiresAt - Math.min(Math.max(lifeMs, 0) / 5, MAX_EARLY_MS)
}

export class TokenSource {
  readonly #options: TokenOptions
  #current: string | undefined
  /** The time until which `#current` may be sent. NaN if its expiry is unknown. */
  #expiresAt = REFUSED
  #asking: Promise<string> | undefined
  #renewal: ReturnType<typeof setTimeout> | undefined
  #retry: ReturnType<typeof setTimeout> | undefined
  #isClosed = false

  constructor(options: TokenOptions) {
    this.#options = options
    if (typeof options.token === 'string') this.#current = options.token
  }

  get current(): string | undefined {
    return this.#current
  }

  /** The collaborator that the token names, once there is a token. */
  get subject(): string | undefined {
    return claimsOf(this.#current ?? '').sub
  }

  async get(): Promise<string | undefined> {
    if (typeof this.#options.token !== 'function' || !(Date.now() >= this.#expiresAt)) return this.#current
    return this.#ask(this.#current === undefined ? 'start' : this.#expiresAt === REFUSED ? 'refused' : 'expiring')
  }

  /** The server refused this token: if it is still the current one, the next `get` asks for another. */
  revoke(token: string | undefined): void {
    if (token === this.#current) this.#expiresAt = REFUSED
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#renewal)
    clearTimeout(this.#retry)
  }

  #ask(reason: TokenRequest['reason']): Promise<string> {
    this.#asking ??= this.#askUntilGiven(reason).finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #askUntilGiven(reason: TokenRequest['reason']): Promise<string> {
    const { onError, onRenewed } = this.#options
    const ask = this.#options.token as Exclude<Token, string>
    for (let failures = 0; ; failures++) {
      try {
        const token = await ask({ reason })
        if (typeof token !== 'string' || token === '') throw new TypeError('It returned no token.')
        const isNew = token !== this.#current
        this.#accept(token)
        if (isNew && reason === 'expiring' && !this.#isClosed) onRenewed?.()
        return token
      } catch (cause) {
        if (!this.#isClosed) onError?.(tokenError(cause))
        await new Promise(resolve => {
          this.#retry = setTimeout(resolve, backoffMs(failures))
        })
      }
    }
  }

  #accept(token: string): void {
    const now = Date.now()
    const claims = claimsOf(token)
    const expiresAt = (claims.exp ?? Number.NaN) * 1_000
    this.#current = token
    this.#expiresAt = expiresAt
    // If this computer's clock is ahead, every token looks expired. Then the token is used until the server refuses it.
    if (!(expiresAt > now)) this.#expiresAt = Number.NaN
    // A function that returns the old token, or one that is about to expire, is not called without a pause.
    else this.#renewAt(Math.max(renewalAt(claims, now), now + backoffMs(0, 500)))
  }

  #renewAt(at: number): void {
    clearTimeout(this.#renewal)
    if (this.#isClosed) return
    const waitMs = at - Date.now()
    const renew = () => (waitMs > MAX_TIMEOUT_MS ? this.#renewAt(at) : void this.#ask('expiring'))
    this.#renewal = setTimeout(renew, Math.min(waitMs, MAX_TIMEOUT_MS))
  }
}

function tokenError(cause: unknown): ColocateError {
  const detail = (cause as Error | undefined)?.message ?? cause
  return new ColocateError(0, `The token function failed: ${detail}`, { cause, code: 'unauthorized' })
}
