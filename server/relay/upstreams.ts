/**
 * Where a relay may go: the operator's list, and whether a URL is on it. Pure.
 *
 * A URL that could mean one thing here and another thing to the upstream is off the list.
 */
import { validateHeaderName, validateHeaderValue } from 'node:http'
import { z } from 'zod'

export interface Upstream {
  /** Like `https://api.example.org`. */
  readonly origin: string
  /** With which segments a path must begin. */
  readonly segments: readonly string[]
  /** Sent with each call. */
  readonly headers: Readonly<Record<string, string>>
  /** What stood for `${…}` in the headers. */
  readonly secrets: readonly string[]
}

const listSchema = z
  .array(z.strictObject({ prefix: z.string(), headers: z.record(z.string(), z.string()).default({}) }))
  .min(1)

/** Throws an `Error` that says which part of the list is not valid, and repeats no header's value. */
export function readUpstreams(json: string, env: Record<string, string | undefined>): Upstream[] {
  const { data, error } = listSchema.safeParse(parse(json))
  const issue = error?.issues[0]
  if (issue) throw new Error(`${issue.path.join('.')}: ${issue.message}`.replace(/^: /, ''))
  const upstreams = data?.map(({ prefix, headers }) => ({ ...placeOf(prefix), ...filled(headers, env) })) ?? []
  // Of two prefixes the longer says more.
  return upstreams.sort((a, b) => b.segments.length - a.segments.length)
}

/** The URL to call and the upstream it belongs to, or null: off the list. */
export function findUpstream(upstreams: readonly Upstream[], target: string): { url: URL; upstream: Upstream } | null {
  if (isAmbiguous(target) || !URL.canParse(target)) return null
  const url = new URL(target)
  const segments = segmentsOf(url)
  const upstream = upstreams.find(
    ({ origin, segments: first }) => origin === url.origin && first.every((segment, i) => segment === segments[i]),
  )
  return upstream ? { url, upstream } : null
}

/** Whitespace, credentials, and whatever may become another path on the way: backslashes, dot segments, slashes in disguise. */
function isAmbiguous(target: string): boolean {
  if (/[\s\\\p{Cc}]/u.test(target)) return true
  const [, authority = '', path = ''] = /^[^:]*:\/\/([^/?#]*)([^?#]*)/.exec(target) ?? []
  return authority === '' || authority.includes('@') || /%(25)*(2e|2f|5c)/i.test(path) || /\/\.\.?(;|\/|$)/.test(path)
}

function segmentsOf({ pathname }: URL): string[] {
  return pathname.slice(1).split('/')
}

function placeOf(prefix: string): Pick<Upstream, 'origin' | 'segments'> {
  const url = URL.canParse(prefix) && !isAmbiguous(prefix) ? new URL(prefix) : null
  if (!url || !/^https?:$/.test(url.protocol) || /[?#]/.test(prefix)) {
    throw new Error(`"${prefix}" must be the beginning of an http or https URL, without query or credentials`)
  }
  const segments = segmentsOf(url)
  // Whole segments: `/v1/` and `/v1` are the same.
  if (segments.at(-1) === '') segments.pop()
  return { origin: url.origin, segments }
}

function filled(
  templates: Record<string, string>,
  env: Record<string, string | undefined>,
): Pick<Upstream, 'headers' | 'secrets'> {
  const secrets: string[] = []
  const headers: Record<string, string> = {}
  for (const [name, template] of Object.entries(templates)) {
    const value = template.replace(/\$\{(\w+)\}/g, (_, key: string) => {
      const secret = env[key]
      if (!secret) throw new Error(`\${${key}} is not in the environment`)
      secrets.push(secret)
      return secret
    })
    headers[name.toLowerCase()] = value
    if (!isHeader(name, value)) throw new Error(`"${name}" can't be a header, or its value can't be a header's`)
  }
  return { headers, secrets }
}

export function isHeader(name: string, value: string): boolean {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    throw new Error('it is not JSON')
  }
}
