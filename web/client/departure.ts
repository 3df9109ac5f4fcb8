/**
 * Tells the server that I leave, so that the grace for a return ends.
 */
import { type Requests, withTimeout } from './requests.ts'

const TIMEOUT_MS = 5_000

const departureUrl = (url: string, user: string) => `${url}/${encodeURIComponent(user)}?when=closed`

/** Resolves when the server knows, or can't be reached in two attempts: then the grace or the lease ends my presence. */
export async function sendDeparture(requests: Requests, url: string, user: string): Promise<void> {
  const send = () =>
    withTimeout(TIMEOUT_MS, undefined, async signal => {
      const { status } = await requests.send(departureUrl(url, user), { method: 'DELETE', signal })
      if (status >= 500) throw new Error(`HTTP ${status}`)
    })
  await send()
    .catch(send)
    .catch(() => {})
}

/** The same from a page that ends. */
export function sendLastDeparture(requests: Requests, url: string, user: string): void {
  requests.sendLast(departureUrl(url, user), { method: 'DELETE' })
}
