/**
 * Repeats a step while the store is unavailable.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Unavailable } from '../broker/broker.ts'

const retryMs = 250

/** Repeats a step for at most `forMs` while it rejects with `Unavailable`. A repeated step must have one effect in the log. */
export async function withRetries<T>(forMs: number, step: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + forMs
  for (;;) {
    try {
      return await step()
    } catch (error) {
      if (!(error instanceof Unavailable) || performance.now() > untilMs) throw error
      await sleep(retryMs)
    }
  }
}
