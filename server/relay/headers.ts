/**
 * The headers of a call to an upstream: the caller's `header` without hop-by-hop headers, and the operator's headers, which
 * take precedence. Pure.
 */
type Headers = Readonly<Record<string, string>>

/** Hop-by-hop headers (RFC 9110, section 7.6.1), cookies for this server, and headers that the relay sets itself. */
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

export function upstreamHeaders(
  given: Headers,
  operatorHeaders: Headers,
  body: string | undefined,
): Record<string, string> {
  const headers = lowerCaseNames(given)
  const connection = (headers.connection ?? '').toLowerCase().split(/\s*,\s*/)
  for (const name of [...dropped, ...connection]) delete headers[name]
  return {
    accept: 'text/event-stream',
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...headers,
    ...operatorHeaders,
    // A compressed event stream is delayed.
    'accept-encoding': 'identity',
    ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
  }
}

function lowerCaseNames(headers: Headers): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
