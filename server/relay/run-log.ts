/**
 * What a run is in the log, and how its readers see it. Pure.
 *
 * One key is there for as long as the run goes on, kept by the instance that relays it; its values are the upstream's
 * events, and its removal is the run's end. The other is there for as long as somebody reads.
 */
import type { Event } from '../broker/broker.ts'
import type { Format } from '../hub/topic-format.ts'
import type { UpstreamEvent } from './upstream-events.ts'

export const runKey = 'run'
export const readersKey = 'readers'

/** The values that are not an event of the upstream. */
export const begun = '-'

/** Why a run ended. With its instance gone, the log itself says `expired`. */
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

/** What readers are told of an end that is not the upstream's own, nor asked for. */
const details: Record<string, string> = {
  broken: 'The upstream broke off.',
  silent: 'The upstream was silent for too long.',
  'too-long': 'The answer is longer than a run may be.',
  'too-late': 'The answer took longer than a run may take.',
  abandoned: 'Nobody was listening.',
  drained: 'The server that relayed it was stopped.',
  expired: 'The server that relayed it is gone.',
  lost: 'What comes next is lost.',
}

/** A caller's run. Rooms have no slash in their names; who guesses another caller's run finds nothing. */
export function topicOf(run: string, sub: string | undefined): string {
  return `run/${run}/${encodeURIComponent(sub ?? '')}`
}

export function lineOf(event: UpstreamEvent): string {
  return JSON.stringify(event)
}

export const runFormat: Format = {
  event(event) {
    if (!isVisible(event)) return ''
    const { id, value, reason } = event
    if (value === null) return frame({ event: 'relay-error', data: errorData(reason, details[reason]) }, id)
    return frame(JSON.parse(value), id)
  },

  // A run is never told in short: whoever would need that can't be told the rest.
  snapshot: () => frame({ event: 'relay-error', data: errorData('lost', details.lost) }),

  resumed: () => '',
  ping: '',
  isOver: values => !values.has(runKey),
}

export function isVisible({ key, value, reason }: Event): boolean {
  return key === runKey && (value === null ? reason in details : value !== begun)
}

function errorData(reason: string, detail: string | undefined): string {
  return JSON.stringify({ reason, detail })
}

function frame({ event, data }: UpstreamEvent, id?: string): string {
  const name = event === undefined ? '' : `event: ${event}\n`
  const lines = data.replaceAll('\n', '\ndata: ')
  return `${id === undefined ? '' : `id: ${id}\n`}${name}data: ${lines}\n\n`
}
