/**
 * The errors of Redis and ioredis, in words and codes. Pure.
 */

/** What ioredis says if a command takes too long. */
export const timedOut = 'Command timed out'
/** Redis has not answered for a while, so no command is sent. */
export const silent = 'Redis does not answer'

/** Redis has answered with an error. For a lost connection or a timeout, ioredis has untyped errors instead. */
export function isReplyError(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError'
}

/** The first word of Redis's error, `timeout` or `closed`: a small set, for a metric's label. */
export function codeOf(error: unknown): string {
  const message = messageOf(error)
  if (!isReplyError(error)) return [timedOut, silent].includes(message) ? 'timeout' : 'closed'
  return /^[A-Z][A-Z0-9]*(?= |$)/.exec(message)?.[0] ?? 'ERR'
}

/** Redis's own words, without the place in the script. */
export function wordsOf(error: unknown): string {
  return messageOf(error)
    .replace(/ script: [0-9a-f]{40}, on @user_script:\d+\.?$/, '')
    .trim()
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Where Redis Cluster says that a key is: `MOVED` for good, `ASK` for this command while its slot migrates. */
export function redirectionOf(error: unknown): { kind: 'MOVED' | 'ASK'; slot: number; address: string } | null {
  const [, kind, slot, address] =
    /^(MOVED|ASK) (\d{1,5}) (\S+)$/.exec(isReplyError(error) ? messageOf(error) : '') ?? []
  return kind && address ? { kind: kind as 'MOVED' | 'ASK', slot: Number(slot), address } : null
}

/** A refusal that is known without asking, in the words that Redis would use. */
export class Refusal extends Error {
  override readonly name = 'ReplyError'
}
