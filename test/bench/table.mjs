/**
 * The figures as a Markdown table: a row for each figure and a column for each server.
 */
import { medianOf, ratio, shown } from './summary.mjs'

export function table({ runs, servers, workloads, about }) {
  const lines = aligned([
    ['', ...servers.map(({ label }) => label)],
    ...workloads.flatMap(workload => workload.rows.map(figure => figureRow(runs, servers, workload, figure))),
  ])
  const notes = ['In parentheses: how many times better Colocate is, in the same runs.']
  if (lines.some(line => line.includes('≥'))) {
    notes.push(
      '≥: the load generator (at 95 % of its core or more) or the time limit ended the search, not the server.',
    )
  }
  if (lines.some(line => / 0 /.test(line))) notes.push('0: even the lowest rate failed.')
  return `${about}\n\n${lines.join('\n')}\n\n${notes.join(' ')}\n`
}

function figureRow(runs, servers, workload, { figure, title, unit, isMoreBetter }) {
  const ours = medianOf(runs, 'ours', workload.id, figure)
  const cells = servers.map(({ id }) => {
    const { value, isCapped, error } = medianOf(runs, id, workload.id, figure)
    if (error) return 'failed'
    const sign = isCapped && isMoreBetter && value !== null ? '≥ ' : ''
    const times = id === 'ours' ? null : ratio(ours.value, value, isMoreBetter)
    return `${sign}${shown(value)}${times === null ? '' : ` (${shown(times)}×)`}`
  })
  return [`${title}, ${unit}`, ...cells]
}

/** Aligns the cells like the project's formatter: the first column to the left, the figures to the right. */
function aligned([head, ...rows]) {
  const widths = head.map((_, i) => Math.max(4, ...[head, ...rows].map(cells => cells[i].length)))
  const line = cells =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(head), line(rule), ...rows.map(line)]
}
