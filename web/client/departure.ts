/**
 * Tells the server that I leave, so that the grace for a return ends.
 */
import type { Requests } from './requests.ts'
import { untilAborted } from './until-aborted.ts'

const TIMEOUT_MS = 5_000

const departureUrl = (url: string, user: string) => `${url}/${encodeURIComponent(user)}?when=closed`

/** Resolves when the server knows, or can't be reached in two attempts: then the grace or the lease ends my presence. */
export async function sendDeparture(requests: Requests, url: string, user: string): Promise<void> {
  for (let attempts = 2; attempts > 0; attempts--) {
    const send = (signal: AbortSignal) => requests.send(departureUrl(url, user), { method: 'DELETE', signal })
    const answer = await untilAborted(undefined, send, TIMEOUT_MS).catch(() => undefined)
    if (answer && answer.status < 500) return
  }
}

/** The same from a page that ends. */
export function sendLastDeparture(requests: Requests, url: string, user: string): void {
  requests.sendLast(departureUrl(url, user), { method: 'DELETE' })
}
