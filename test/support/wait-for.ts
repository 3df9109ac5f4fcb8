/**
 * Waiting for what nobody announces: another process's state.
 */
import { setTimeout } from 'node:timers/promises'

/**
 * Looks until it is so. A look that fails is one that found nothing. Rejects with what was awaited when that takes too
 * long.
 */
export async function waitFor(
  what: string,
  isSo: () => Promise<boolean> | boolean,
  { timeoutMs = 30_000, lookMs = 20 } = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  let failure: unknown
  for (;;) {
    try {
      if (await isSo()) return
    } catch (error) {
      failure = error
    }
    if (performance.now() > deadline) throw new Error(`It did not happen: ${what}`, { cause: failure })
    await setTimeout(lookMs)
  }
}
