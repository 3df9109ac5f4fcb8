/**
 * How a run is stored in the log, and how the log is encoded for the run's readers. Pure.
 *
 * The key `run` exists while the run goes on, and the instance that relays the run holds its lease. Its values are marks, which
 * say how far the call is, and then the upstream's events. Its removal is the end of the run. The key `readers` exists while
 * the run has readers.
 */
import { beginning, type Event, type History, type Latest } from '../broker/broker.ts'
import { Problem } from '../http/problem.ts'
import { encodeEvent } from '../hub/frame.ts'
import type { Format } from '../hub/topic-format.ts'
import type { UpstreamEvent } from './upstream-events.ts'

export const runKey = 'run'
export const readersKey = 'readers'

/** Marks. The first value of both keys; then, before the upstream is called; then, the upstream answers with an event stream. */
export const begun = '-'
export const called = '>'
export const answered = '+'
/** Begins the mark that the run was refused. The problem follows as JSON. */
const refused = '!'

/** Why a run ended. If its instance is gone, the lease ends and the log says `expired`. */
export type Reason =
  | 'done'
  | 'refused'
  | 'stopped'
  | 'broken'
  | 'silent'
  | 'too-long'
  | 'too-late'
  | 'abandoned'
  | 'drained'
  | 'lost'

/** The details of `relay-error`. A reason without details, such as `done` or `stopped`, is no error. */
const details: Record<string, string> = {
  broken: 'The connection to the upstream broke.',
  silent: 'The upstream sent nothing for too long.',
  'too-long': 'The response is longer than the limit for a run.',
  'too-late': 'The response took longer than the limit for a run.',
  abandoned: 'The run was stopped because it had no readers.',
  drained: 'The server that relayed the run was stopped.',
  expired: 'The server that relayed the run is gone.',
  lost: 'The rest of the run is lost.',
}

/**
 * What the log says of a run. `none`: it is not in the log, or it ended before the upstream was called. `waiting`: the upstream
 * has not answered yet. `open`: the run can be read. `refused`: it ended with a problem instead of an event stream.
 */
export type RunState = { phase: 'none' | 'waiting' | 'open' } | { phase: 'refused'; problem: Problem }

/** A run belongs to its caller's `sub`: another caller finds nothing, even with the run's id. Room names have no slash. */
export function topicOf(run: string, sub: string | undefined): string {
  return `run/${run}/${encodeURIComponent(sub ?? '')}`
}

export function lineOf(event: UpstreamEvent): string {
  return JSON.stringify(event)
}

export function refusalOf({ status, message, headers, upstream }: Problem): string {
  return refused + JSON.stringify({ status, detail: message, headers, upstream })
}

/** The state of a run that goes on; undefined if the run is over, so that its history decides. */
export function stateOf({ head, entries }: Latest): RunState | undefined {
  if (head === beginning) return { phase: 'none' }
  const value = entries.find(({ key }) => key === runKey)?.value
  if (value === undefined) return undefined
  if (value.startsWith(refused)) return { phase: 'refused', problem: problemIn(value) }
  return { phase: value === begun || value === called ? 'waiting' : 'open' }
}

/** The state of a run that is over. If a part of its history is missing, the upstream may have been called. */
export function stateAtEnd({ recovered, events }: History): RunState {
  const values = events.filter(({ key }) => key === runKey).map(({ value }) => value)
  const refusal = values.find(value => value?.startsWith(refused))
  if (refusal) return { phase: 'refused', problem: problemIn(refusal) }
  const isCalled = values.some(value => value !== null && value !== begun)
  return { phase: recovered && !isCalled ? 'none' : 'open' }
}

function problemIn(value: string): Problem {
  const { status, detail, headers, upstream } = JSON.parse(value.slice(refused.length))
  return new Problem(status, detail, { headers, upstream })
}

export const runFormat: Format = {
  event(entry) {
    if (!isVisible(entry)) return ''
    const { id, value, reason } = entry
    if (value === null) return encodeEvent({ id, event: 'relay-error', data: errorData(reason) })
    const { event, data } = JSON.parse(value) as UpstreamEvent
    return encodeEvent({ id, event, data })
  },

  // A run has no summary: a reader that lacks some of its events cannot continue.
  snapshot: () => encodeEvent({ event: 'relay-error', data: errorData('lost') }),

  resumed: () => '',
  ping: '',
  isOver: values => !values.has(runKey),
}

/** Whether readers get a frame for the event. Marks are not JSON objects. */
export function isVisible({ key, value, reason }: Event): boolean {
  return key === runKey && (value === null ? reason in details : value.startsWith('{'))
}

function errorData(reason: string): string {
  return JSON.stringify({ reason, detail: details[reason] })
}
