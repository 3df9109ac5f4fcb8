/**
 * Which headers go upstream: what the caller asked for, less what is between two ends of a connection, and the operator's,
 * which win. Pure.
 */
type Headers = Readonly<Record<string, string>>

/** RFC 9110, section 7.6.1; what says who the caller is here; and what is for the relay to say. */
const dropped = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'cookie',
  'cookie2',
  'host',
  'accept-encoding',
  'content-length',
  'expect',
]

export function upstreamHeaders(given: Headers, operators: Headers, body: string | undefined): Record<string, string> {
  const asked = lowered(given)
  const connection = (asked.connection ?? '').toLowerCase().split(/\s*,\s*/)
  for (const name of [...dropped, ...connection]) delete asked[name]
  return {
    accept: 'text/event-stream',
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...asked,
    ...operators,
    // An event stream that is compressed comes late.
    'accept-encoding': 'identity',
    ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
  }
}

function lowered(headers: Headers): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
