/**
 * The figures as an SVG: a panel for each figure, and in it a bar for each server.
 */
import { medianOf, shown } from './summary.mjs'

const columns = 2
const panelWidth = 520
const gap = 28
const margin = 24
const labelWidth = 140
const valueWidth = 92
const barHeight = 18
const barGap = 6
const headHeight = 46
const topHeight = 76
const colors = { ours: '#d9480f', peer: '#8aa0b8', text: '#1f2933', faint: '#5f6f7f', line: '#d5dce3' }

export function plot({ runs, servers, workloads, about }) {
  const rows = workloads.flatMap(workload => workload.rows.map(row => ({ ...row, workload: workload.id })))
  const panelHeight = headHeight + servers.length * (barHeight + barGap)
  const height = topHeight + Math.ceil(rows.length / columns) * (panelHeight + gap) + margin
  const width = 2 * margin + columns * panelWidth + (columns - 1) * gap
  const panels = rows.map((row, i) => {
    const x = margin + (i % columns) * (panelWidth + gap)
    const y = topHeight + Math.floor(i / columns) * (panelHeight + gap)
    return `<g transform="translate(${x} ${y})">${panel(row, runs, servers)}</g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="Colocate beside its peers" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13" fill="${colors.text}">
<title>Colocate beside its peers</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="${margin}" y="34" font-size="20" font-weight="600">Colocate beside its peers</text>
<text x="${margin}" y="56" font-size="12" fill="${colors.faint}">${escaped(about)}</text>
${panels.join('\n')}
</svg>
`
}

function panel({ workload, figure, title, unit, isMoreBetter }, runs, servers) {
  const cells = servers.map(server => ({ server, ...medianOf(runs, server.id, workload, figure) }))
  const largest = Math.max(...cells.map(({ value }) => value ?? 0), Number.MIN_VALUE)
  const room = panelWidth - labelWidth - valueWidth
  const bars = cells.map(({ server, value, isCapped, error }, i) => {
    const y = headHeight + i * (barHeight + barGap)
    const length = Math.max(1, ((value ?? 0) / largest) * room)
    const isOurs = server.id === 'ours'
    const valueText =
      value === null ? (error ? 'failed' : '–') : `${isCapped && isMoreBetter ? '≥ ' : ''}${shown(value)}`
    const weight = isOurs ? ' font-weight="600"' : ''
    const middle = y + barHeight / 2
    return `<text x="${labelWidth - 10}" y="${middle}" text-anchor="end" dominant-baseline="central"${weight}>${escaped(server.label)}</text>
<rect x="${labelWidth}" y="${y}" width="${value === null ? 0 : length.toFixed(1)}" height="${barHeight}" rx="2" fill="${isOurs ? colors.ours : colors.peer}"/>
<text x="${(labelWidth + (value === null ? 0 : length) + 6).toFixed(1)}" y="${middle}" dominant-baseline="central"${weight}>${valueText}</text>`
  })
  const better = `${unit}, ${isMoreBetter ? 'more' : 'less'} is better`
  return `<text y="14" font-size="14" font-weight="600">${escaped(title)}</text>
<text y="32" font-size="12" fill="${colors.faint}">${escaped(better)}</text>
<line x1="${labelWidth}" x2="${labelWidth}" y1="${headHeight - 4}" y2="${headHeight + cells.length * (barHeight + barGap)}" stroke="${colors.line}"/>
${bars.join('\n')}`
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
