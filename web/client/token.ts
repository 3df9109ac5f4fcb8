/**
 * The access token: when it is requested, and from when on it is no longer used.
 *
 * A function that fails is called again with backoff; requests wait for it. A token that can't be read is used until the
 * server refuses it.
 */
import { backoffMs } from './backoff.ts'
import { ColocateError } from './errors.ts'
import type { Token, TokenRequest } from './types.ts'

const MAX_EARLY_MS = 60_000
const MAX_TIMEOUT_MS = 2 ** 31 - 1

export interface TokenOptions {
  token: Token | undefined
  onError?(error: ColocateError): void
  /** A newer token has replaced one that would have expired. */
  onRenewed?(): void
}

export interface Claims {
  sub?: string
  exp?: number
  iat?: number
}

/** The claims of a JWT, not verified; undefined for any other text. */
export function claimsOf(token: string): Claims | undefined {
  try {
    const base64 = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')
    const bytes = Uint8Array.from(atob(base64), character => character.charCodeAt(0))
    const claims = JSON.parse(new TextDecoder().decode(bytes))
    return typeof claims === 'object' && claims !== null ? claims : undefined
  } catch {
    return undefined
  }
}

/** When a token that arrives now must be replaced: when a fifth of its life is left, at most 60 s before it expires. */
export function renewalAt({ exp, iat }: Claims, now: number): number | undefined {
  if (typeof exp !== 'number') return undefined
  const lifeMs = exp * 1_000 - (typeof iat === 'number' ? iat * 1_000 : now)
  return exp * 1_000 - Math.min(Math.max(lifeMs, 0) / 5, MAX_EARLY_MS)
}

export class TokenSource {
  readonly #options: TokenOptions
  #current: string | undefined
  /** Whether `#current` may be sent; until `#expiresAt`, if its end is known. */
  #usable = false
  #expiresAt = Number.NaN
  #asking: Promise<string> | undefined
  #failures = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #waiting: ReturnType<typeof setTimeout> | undefined
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
    const sub = this.#current === undefined ? undefined : claimsOf(this.#current)?.sub
    return typeof sub === 'string' ? sub : undefined
  }

  async get(): Promise<string | undefined> {
    if (typeof this.#options.token !== 'function') return this.#current
    if (this.#usable && !(Date.now() >= this.#expiresAt)) return this.#current
    return this.#ask(this.#current === undefined ? 'start' : this.#usable ? 'expiring' : 'refused')
  }

  /** The token to send instead of one that the server refused. It is the same one when there is no function to call. */
  async refused(token: string | undefined): Promise<string | undefined> {
    this.revoke(token)
    return this.get()
  }

  /** The next `get` asks for another token, if `token` is still the current one. */
  revoke(token: string | undefined): void {
    if (token === this.#current) this.#usable = false
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    clearTimeout(this.#waiting)
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
        if (typeof token !== 'string' || token === '') throw new TypeError('The function returned no token.')
        const isNew = token !== this.#current
        this.#accept(token, isNew)
        if (isNew && reason === 'expiring' && !this.#isClosed) onRenewed?.()
        return token
      } catch (cause) {
        if (!this.#isClosed) onError?.(tokenError(cause))
        await new Promise(resolve => {
          this.#waiting = setTimeout(resolve, backoffMs(failures))
        })
      }
    }
  }

  #accept(token: string, isNew: boolean): void {
    const now = Date.now()
    const claims = claimsOf(token) ?? {}
    const renewal = renewalAt(claims, now)
    this.#failures = isNew ? 0 : this.#failures + 1
    this.#current = token
    this.#usable = true
    const expiresAt = Number(claims.exp) * 1_000
    // With a clock that is wrong every token looks expired: then only the server can say when.
    this.#expiresAt = expiresAt > now ? expiresAt : Number.NaN
    if (renewal !== undefined && expiresAt > now) this.#renewAt(renewal)
  }

  #renewAt(at: number): void {
    clearTimeout(this.#timer)
    if (this.#isClosed) return
    // A function that returns the old token, or one that is about to expire, is not called without a pause.
    const soonestMs = at > Date.now() && this.#failures === 0 ? 0 : backoffMs(this.#failures, 500)
    const waitMs = Math.max(at - Date.now(), soonestMs)
    this.#timer = setTimeout(
      () => (waitMs > MAX_TIMEOUT_MS ? this.#renewAt(at) : void this.#ask('expiring')),
      Math.min(waitMs, MAX_TIMEOUT_MS),
    )
  }
}

function tokenError(cause: unknown): ColocateError {
  const detail = cause instanceof Error ? cause.message : String(cause)
  return new ColocateError(0, `The token function failed: ${detail}`, { cause, code: 'unauthorized' })
}
