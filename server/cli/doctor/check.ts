/**
 * What the doctor's checks have in common.
 */
import type { ObservedStream } from './observed-stream.ts'
import type { StreamProblem } from './remedies.ts'

export interface Finding {
  problem: StreamProblem
  detail: string
}

export interface CheckResult {
  /** What works if there are no findings. */
  title: string
  findings: Finding[]
  /** Information that is not a problem. */
  note?: string
}

/** What is checked. */
export interface Target {
  base: URL
  room: string
  token: string | undefined
  /** Shows the user what the doctor is doing. */
  show(text: string): void
}

/** How long an answer may take to begin. */
export const headMs = 15_000
/** How long an event may take to arrive. */
export const liveMs = 5_000
export const identity = { 'accept-encoding': 'identity' }

/** Resolves with null for an event stream. Any other answer is closed. */
export async function notAStream(stream: ObservedStream): Promise<Finding | null> {
  const type = stream.header('content-type')
  if (stream.status === 200 && /^text\/event-stream\b/.test(type)) return null
  const explanation = await stream.problemDetail()
  stream.close()
  const detail = `The answer is ${stream.status} ${type || 'without a content type'} instead of an event stream.`
  return { problem: 'not a stream', detail: explanation ? `${detail} The server says: ${explanation}` : detail }
}
