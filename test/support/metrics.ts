/**
 * Reads a server's metrics.
 */

/** The value of each series. A series is named as in the text: `colocate_streams{log="rooms"}`. */
export type Metrics = Map<string, number>

export async function metricsAt(url: string): Promise<Metrics> {
  const response = await fetch(`${url}/metrics`)
  const type = response.headers.get('content-type') ?? ''
  if (!type.startsWith('text/plain; version=0.0.4'))
    throw new Error(`These are not metrics: ${response.status} ${type}`)
  return parseMetrics(await response.text())
}

function parseMetrics(text: string): Metrics {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}
