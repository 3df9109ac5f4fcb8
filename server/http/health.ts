/**
 * The handlers that load balancers and Prometheus call.
 */
import type { Metrics } from './metrics.ts'
import { unavailable } from './problem.ts'
import { sendJson, sendText } from './response.ts'
import type { RequestContext } from './route.ts'

export interface HealthOptions {
  /** Why the server can't serve now; null when it can. */
  unavailableReason(): string | null
  metrics: Metrics
}

export function createHealthHandlers({ unavailableReason, metrics }: HealthOptions) {
  return {
    alive: ({ res }: RequestContext): void => sendJson(res, { status: 'alive' }),

    ready({ res }: RequestContext): void {
      const reason = unavailableReason()
      if (reason) throw unavailable(reason)
      sendJson(res, { status: 'ready' })
    },

    async metrics({ res }: RequestContext): Promise<void> {
      const { contentType, text } = await metrics.text()
      sendText(res, contentType, text)
    },
  }
}
