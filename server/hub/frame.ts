/**
 * One event of an event stream as text (WHATWG HTML, section 9.2.6). `data` must be one line.
 */
export function frame(data: string, id?: string): string {
  return id === undefined ? `data: ${data}\n\n` : `id: ${id}\ndata: ${data}\n\n`
}

/** A field on its own, which takes effect as soon as its line is read; no blank line, so no event. Milliseconds. */
export function retryLine(fromMs: number, toMs: number): string {
  return `retry: ${Math.round(fromMs + Math.random() * (toMs - fromMs))}\n`
}

/** For whoever a stream ends for, or may: each comes back after another while. */
export function reconnectLine(): string {
  return retryLine(1_000, 3_000)
}

/** A comment: keeps the connection from looking idle. */
export const heartbeat = Buffer.from(':\n')

/** One event of an event stream (WHATWG HTML, section 9.2.6), its fields in the order given. */
export function encodeEvent(fields: { id?: string; event?: string; data: string }): string {
  let text = ''
  for (const [name, value] of Object.entries(fields)) text += `${name}: ${value.replaceAll('\n', `\n${name}: `)}\n`
  return `${text}\n`
}
