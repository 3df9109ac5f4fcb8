/**
 * Publishes batches of locations, and waits when the server asks for it.
 */
import { setTimeout } from 'node:timers/promises'

const maxBackoffMs = 15_000

/**
 * Publishes a batch in one request. It is sent again after 429, after 5xx, and if the server cannot be reached. Rejects if the
 * server refuses the batch for another reason.
 */
export async function publishBatch(url, batch, signal) {
  for (let failures = 0; ; failures++) {
    const answer = await post(url, batch, signal)
    if (answer?.ok) return
    if (answer && answer.status !== 429 && answer.status < 500) throw new Error(await answer.text())
    const retryAfterMs = Number(answer?.headers.get('retry-after') ?? 0) * 1000
    const backoffMs = Math.min(maxBackoffMs, 500 * 2 ** failures) * Math.random()
    const waitMs = Math.ceil(Math.max(retryAfterMs, backoffMs))
    console.log(`${answer?.status ?? 'no answer'}: next attempt in ${waitMs} ms`)
    await setTimeout(waitMs, undefined, { signal })
  }
}

/** Resolves with undefined if the server cannot be reached. */
async function post(url, batch, signal) {
  const headers = { 'Content-Type': 'application/json' }
  try {
    return await fetch(url, { method: 'POST', headers, body: JSON.stringify(batch), signal })
  } catch (error) {
    if (signal.aborted) throw error
  }
}
