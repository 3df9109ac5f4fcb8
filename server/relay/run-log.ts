/**
 * How a run is stored in the log, and how the log is encoded for the run's readers. Pure.
 *
 * The key `run` exists while the run goes on, and the instance that relays the run holds its lease. Its values are the
 * upstream's events, and its removal is the end of the run. The key `readers` exists while the run has readers.
 */
import type { Event } from '../broker/broker.ts'
import { encodeEvent } from '../hub/frame.ts'
import type { Format } from '../hub/topic-format.ts'
import type { UpstreamEvent } from './upstream-events.ts'

export const runKey = 'run'
export const readersKey = 'readers'

/** The first value of both keys. It is not an event of the upstream. */
export const begun = '-'

/** Why a run ended. If its instance is gone, the lease ends and the log says `expired`. */
export type Reason =
  | 'done'
  | 'stopped'
  | 'broken'
  | 'silent'
  | 'too-long'
  | 'too-late'
  | 'abandoned'
  | 'drained'
  | 'lost'

/** The details of `relay-error`. A reason without details, `done` or `stopped`, is no error. */
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

/** A run belongs to its caller's `sub`: another caller finds nothing, even with the run's id. Room names have no slash. */
export function topicOf(run: string, sub: string | undefined): string {
  return `run/${run}/${encodeURIComponent(sub ?? '')}`
}

export function lineOf(event: UpstreamEvent): string {
  return JSON.stringify(event)
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

/** Whether readers get a frame for the event. */
export function isVisible({ key, value, reason }: Event): boolean {
  return key === runKey && (value === null ? reason in details : value !== begun)
}

function errorData(reason: string): string {
  return JSON.stringify({ reason, detail: details[reason] })
}
