/**
 * The 502 problems of a call: what the upstream did, and what to change. Pure.
 */
import { Problem } from '../http/problem.ts'
import { concealHeaders } from './conceal.ts'
import type { Upstream } from './upstreams.ts'

const maxShownBytes = 2 * 1024
const maxShownType = 100

/** An answer that is not an event stream. */
export interface Refusal {
  status: number
  /** Its `Content-Type` and `Content-Encoding`. */
  type: string | undefined
  encoding: string | undefined
  text: string
}

export function refusedBy(upstream: Upstream, refusal: Refusal): Problem {
  const body = shortened(concealHeaders(refusal.text, upstream))
  return new Problem(502, detailOf(upstream, refusal), { upstream: { status: refusal.status, body } })
}

/** `code` is that of the error, if it has one: the message of a system error may contain internal addresses. */
export function unreachable(host: string, { code, message }: NodeJS.ErrnoException): Problem {
  return new Problem(502, `The upstream could not be reached. ${reasonOf(host, code) ?? message}`, {
    upstream: { status: 0, body: code ?? message },
  })
}

function reasonOf(host: string, code: string | undefined): string | undefined {
  switch (code) {
    case undefined:
      return undefined
    case 'forbidden-address':
      return `The name ${host} stands for a private address, and the relay connects only to public addresses. To allow it, set "allowPrivate": true for its prefix in RELAY_UPSTREAMS.`
    case 'ECONNREFUSED':
      return 'Its port accepts no connection. Check the port in the targetUrl, and whether the upstream runs.'
    case 'ENOTFOUND':
      return `The name ${host} has no address. Check the name in the targetUrl.`
    case 'EAI_AGAIN':
      return `The name ${host} could not be resolved. Check the name server of the machine that runs the relay.`
    case 'ECONNRESET':
      return 'It closed the connection without an answer. Check whether the targetUrl needs https instead of http.'
    default:
      return 'Check the targetUrl, and whether the upstream runs.'
  }
}

function detailOf(upstream: Upstream, { status, type, encoding }: Refusal): string {
  if (status >= 300 && status < 400) {
    return `The upstream answered ${status}, and the relay follows no redirect. Set the targetUrl to the address that the redirect names.`
  }
  if (status === 401 || status === 403) {
    return `The upstream answered ${status}. Check the "headers" of its prefix in RELAY_UPSTREAMS, and "header" in the request.`
  }
  if (status === 404 || status === 405) {
    return `The upstream answered ${status}. Check "targetUrl" and "method" in the request.`
  }
  if (status >= 400) return `The upstream answered ${status}. Its reason is in "upstream.body".`
  if (type === undefined) {
    return `The upstream answered ${status} without content. Ask it for an event stream, for example with "stream": true in "body".`
  }
  if (encoding !== undefined) {
    return `The upstream compressed its event stream with ${shown(upstream, encoding)}. Turn off compression at the upstream.`
  }
  return `The upstream answered with ${shown(upstream, type)} instead of text/event-stream. Ask it for an event stream, for example with "stream": true in "body".`
}

function shown(upstream: Upstream, value: string): string {
  return JSON.stringify(concealHeaders(value, upstream).slice(0, maxShownType))
}

/** Cuts the text to `maxShownBytes` between two characters. */
function shortened(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxShownBytes) return text
  return new TextDecoder().decode(bytes.subarray(0, maxShownBytes), { stream: true })
}
