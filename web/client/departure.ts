/**
 * Tells the server that the local collaborator leaves, so that the grace period ends at once.
 */
import type { Requests } from './requests.ts'
import { untilAborted } from './until-aborted.ts'

const TIMEOUT_MS = 5_000

const departureUrl = (url: string, user: string) => `${url}/${encodeURIComponent(user)}?when=closed`

/**
 * Resolves after the server has answered, or after two attempts that failed. If both failed, the collaborator leaves
 * when the grace period or the lease ends.
 */
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
