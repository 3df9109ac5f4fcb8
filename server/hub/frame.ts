/**
 * Encodes event streams (WHATWG HTML, section 9.2.6).
 */

export interface EventFields {
  id?: string | undefined
  event?: string | undefined
  data: string
}

/** Encodes one event, with its fields in the order of the object. `id` and `event` must be one line; `data` may have more. */
export function encodeEvent(fields: EventFields): string {
  let text = ''
  for (const name in fields) {
    const value = fields[name as keyof EventFields]
    if (value !== undefined) text += `${name}: ${name === 'data' ? dataLines(value) : value}\n`
  }
  return `${text}\n`
}

/** Each line of the data needs a field of its own. Two `includes` are faster than a regular expression on one-line data. */
function dataLines(data: string): string {
  return data.includes('\n') || data.includes('\r') ? data.replace(/\r\n|\r|\n/g, '\ndata: ') : data
}

/** A `retry:` field with a random time. It takes effect as soon as its line is read; without a blank line there is no event. */
export function retryLine(fromMs: number, toMs: number): string {
  return `retry: ${Math.round(fromMs + Math.random() * (toMs - fromMs))}\n`
}

/** For a stream that ends, or may end at any time: its client reconnects after 1 to 3 seconds. */
export function reconnectLine(): string {
  return retryLine(1_000, 3_000)
}

/** A comment, so that the connection does not look idle. */
export const heartbeat = Buffer.from(':\n')
