/**
 * Waits for a state that no event announces, such as the state of another process.
 */
import { setTimeout } from 'node:timers/promises'

/**
 * Checks `condition` until it holds. An exception counts as false. Rejects with `what` if the condition does not hold in
 * time.
 */
export async function waitFor(
  what: string,
  condition: () => Promise<boolean> | boolean,
  { timeoutMs = 30_000, intervalMs = 20 } = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  let failure: unknown
  for (;;) {
    try {
      if (await condition()) return
    } catch (error) {
      failure = error
    }
    if (performance.now() > deadline) throw new Error(`It did not happen: ${what}`, { cause: failure })
    await setTimeout(intervalMs)
  }
}
