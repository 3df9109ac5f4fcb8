/**
 * Logs refused requests with their cause, without letting a client flood the log.
 */
import type { IncomingMessage } from 'node:http'
import type { Logger } from 'pino'
import type { Problem } from './problem.ts'
import type { Route } from './route.ts'
import type { StoreLog } from './store-log.ts'

/** How often the same refusal is logged; while the store is away, every request has the same. */
const intervalMs = 1_000
const unavailableIntervalMs = 10_000
const maxRemembered = 1_000

interface Remembered {
  nextAt: number
  /** How many were left out since the last line. */
  skipped: number
}

export class RefusalLog {
  readonly #log: Logger
  readonly #store: StoreLog
  readonly #remembered = new Map<string, Remembered>()

  constructor(log: Logger, store: StoreLog) {
    this.#log = log
    this.#store = store
  }

  /** A bug is logged each time. Any other refusal with the same route, status and detail is logged at intervals. */
  add({ status, message: detail, cause }: Problem, route: Route | undefined, { method, url }: IncomingMessage): void {
    // What /readyz reports has log lines of its own: those of the store, and that the server is draining.
    if (route?.path === '/readyz') return
    if (status === 500) {
      this.#log.error({ err: cause, method, path: url?.split('?', 1)[0] }, 'request failed')
      return
    }
    const path = route?.path
    const isOutage = status === 503 && (this.#store.isUnavailable || isUnanswered(cause))
    const skipped = isOutage ? this.#store.take() : this.#skippedBefore(`${status} ${method} ${path} ${detail}`, status)
    if (skipped === null) return
    const reason = cause instanceof Error ? cause.message : undefined
    this.#log[status === 503 ? 'warn' : 'info'](
      { method, route: path, status, detail, reason, skipped },
      'request refused',
    )
  }

  /** Null: the same refusal was logged a moment ago. */
  #skippedBefore(key: string, status: number): number | null {
    const now = performance.now()
    const known = this.#remembered.get(key)
    if (known && now < known.nextAt) {
      known.skipped++
      return null
    }
    if (this.#remembered.size >= maxRemembered) this.#remembered.clear()
    const nextAt = now + (status === 503 ? unavailableIntervalMs : intervalMs)
    this.#remembered.set(key, { nextAt, skipped: 0 })
    return known?.skipped ?? 0
  }
}

/** Whether the store has not answered. If it has refused, the cause is its `ReplyError`. */
function isUnanswered(cause: unknown): boolean {
  return cause instanceof Error && cause.name !== 'ReplyError'
}
