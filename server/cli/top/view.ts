/**
 * What `colocate top` shows, as text. Pure.
 */
import { quantile, rate, type Samples } from './samples.ts'

const delivery = 'colocate_delivery_seconds'
const columnWidth = 24

export function viewOf(url: string, before: Samples, now: Samples): string {
  const perSecond = (name: string, labels?: Record<string, string>) => count(rate(before, now, name, labels))
  const delay = (q: number) => seconds(quantile(before, now, delivery, q, { log: 'rooms' }), now)
  const rooms = { log: 'rooms' }
  const rows: [string, string][][] = [
    [
      ['rooms', count(now.sum('colocate_rooms'))],
      ['collaborators', count(now.sum('colocate_collaborators'))],
      ['relay runs', count(now.sum('colocate_relay_runs', { state: 'running' }))],
    ],
    [
      ['streams', count(now.sum('colocate_streams', rooms))],
      ['behind', count(now.sum('colocate_streams_behind', rooms))],
      ['joins/s', perSecond('colocate_joins_total', rooms)],
    ],
    [
      ['events/s', perSecond('colocate_events_total', rooms)],
      ['deliveries/s', perSecond('colocate_deliveries_total', rooms)],
      ['sent/s', bytes(rate(before, now, 'colocate_sent_bytes_total', rooms))],
    ],
    [
      ['delivery p50', delay(0.5)],
      ['delivery p99', delay(0.99)],
      ['catch-ups/s', perSecond('colocate_catch_ups_total', rooms)],
    ],
    [
      ['requests/s', perSecond('colocate_requests_total')],
      ['refused/s', perSecond('colocate_refused_total')],
      ['streams refused/s', perSecond('colocate_streams_refused_total')],
    ],
    [
      ['CPU', `${Math.round(100 * rate(before, now, 'process_cpu_seconds_total'))} %`],
      ['memory', bytes(now.sum('process_resident_memory_bytes'))],
      ['event loop p99', `${count(1_000 * now.sum('nodejs_eventloop_lag_p99_seconds'))} ms`],
    ],
  ]
  const lines = rows.map(row =>
    row
      .map(([name, value]) => `${name.padEnd(18)}${value.padStart(10)}`.padEnd(columnWidth + 8))
      .join('')
      .trimEnd(),
  )
  return [headline(url, now), '', ...lines, ...refusals(before, now)].join('\n')
}

function headline(url: string, now: Samples): string {
  const version = now.select('colocate_build_info')[0]?.labels.version ?? '?'
  const state = now.sum('colocate_ready') === 1 ? 'ready' : 'not ready'
  const store = now.sum('colocate_store_up') === 1 ? 'store up' : 'store down'
  return `${url}   colocate ${version}   ${state}   ${store}`
}

/** The reasons of refusals between the two readings. */
function refusals(before: Samples, now: Samples): string[] {
  const rates = [
    ...ratesBy(before, now, 'colocate_refused_total', 'status'),
    ...ratesBy(before, now, 'colocate_streams_refused_total', 'reason'),
  ]
  return rates.length === 0 ? [] : ['', `refused per second: ${rates.join(', ')}`]
}

function ratesBy(before: Samples, now: Samples, name: string, label: string): string[] {
  return now.select(name).flatMap(({ labels }) => {
    const value = labels[label] ?? ''
    const perSecond = rate(before, now, name, { [label]: value })
    return perSecond > 0 ? [`${value} ${count(perSecond)}`] : []
  })
}

function count(value: number): string {
  if (value >= 1_000) return Math.round(value).toLocaleString('en')
  return Number.isInteger(value) ? String(value) : value.toFixed(1)
}

function bytes(value: number): string {
  const units = ['B', 'KB', 'MB', 'GB']
  const unit = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)))
  return `${count(value / 1_000 ** unit)} ${units[unit]}`
}

/** A delay is known by its bucket only, so it is shown as a bound. */
function seconds(bound: number | undefined, now: Samples): string {
  if (bound === undefined) return '–'
  if (Number.isFinite(bound)) return `≤ ${Number((bound * 1_000).toFixed(3))} ms`
  const bounds = now.select(`${delivery}_bucket`).map(({ labels }) => Number(labels.le))
  return `> ${1_000 * Math.max(...bounds.filter(Number.isFinite))} ms`
}
