/**
 * The operator's list of upstreams, and whether it allows a URL. Pure.
 *
 * A URL that this server and the upstream could parse differently is not allowed.
 */
import { validateHeaderName, validateHeaderValue } from 'node:http'
import { z } from 'zod'

export interface Upstream {
  /** Like `https://api.example.org`. */
  readonly origin: string
  /** The segments that an allowed path begins with. */
  readonly segments: readonly string[]
  /** Whether its name may resolve to a private address. A prefix that contains such an address literally needs no permission. */
  readonly allowPrivate: boolean
  /** Sent with every call. */
  readonly headers: Readonly<Record<string, string>>
  /** The values that replaced `${NAME}` in the headers. */
  readonly secrets: readonly string[]
}

const listSchema = z
  .array(
    z.strictObject({
      prefix: z.string(),
      headers: z.record(z.string(), z.string()).default({}),
      allowPrivate: z.boolean().default(false),
    }),
    'the list must be a JSON array',
  )
  .min(1, 'the list must contain at least one upstream')

/** One entry of the operator's list. */
export type UpstreamOption = z.input<typeof listSchema>[number]

/**
 * Reads the list, or its JSON. Throws an `Error` that names the part of the list that is not valid. Its message never contains
 * a header's value.
 */
export function readUpstreams(list: unknown, env: Record<string, string | undefined>): Upstream[] {
  const { data, error } = listSchema.safeParse(typeof list === 'string' ? parse(list) : list)
  const issue = error?.issues[0]
  if (issue) throw new Error(`${issue.path.join('.')}: ${issue.message}`.replace(/^: /, ''))
  const upstreams =
    data?.map(({ prefix, headers, allowPrivate }) => {
      return { ...parsePrefix(prefix), allowPrivate, ...fillHeaders(headers, env) }
    }) ?? []
  // The longest matching prefix is found first.
  return upstreams.sort((a, b) => b.segments.length - a.segments.length)
}

/** Returns the URL to call and its upstream, or null if the list does not allow the URL. */
export function findUpstream(upstreams: readonly Upstream[], target: string): { url: URL; upstream: Upstream } | null {
  if (isAmbiguous(target) || !URL.canParse(target)) return null
  const url = new URL(target)
  const segments = segmentsOf(url)
  const upstream = upstreams.find(
    ({ origin, segments: first }) => origin === url.origin && first.every((segment, i) => segment === segments[i]),
  )
  return upstream ? { url, upstream } : null
}

/**
 * Whether the URL has white space, credentials, or a path that a proxy or the upstream may rewrite: backslashes, dot
 * segments, and encoded dots, slashes or backslashes.
 */
export function isAmbiguous(target: string): boolean {
  if (/[\s\\\p{Cc}]/u.test(target)) return true
  const [, authority = '', path = ''] = /^[^:]*:\/\/([^/?#]*)([^?#]*)/.exec(target) ?? []
  return authority === '' || authority.includes('@') || /%(25)*(2e|2f|5c)/i.test(path) || /\/\.\.?(;|\/|$)/.test(path)
}

function segmentsOf({ pathname }: URL): string[] {
  return pathname.slice(1).split('/')
}

function parsePrefix(prefix: string): Pick<Upstream, 'origin' | 'segments'> {
  const url = URL.canParse(prefix) && !isAmbiguous(prefix) ? new URL(prefix) : null
  if (!url || !/^https?:$/.test(url.protocol) || /[?#]/.test(prefix)) {
    // A password must not be printed.
    const shown = prefix.replace(/^.*@/s, '…@')
    throw new Error(
      `the prefix ${JSON.stringify(shown)} must be an http or https URL without query, fragment or credentials`,
    )
  }
  const segments = segmentsOf(url)
  // `/v1/` and `/v1` are the same prefix.
  if (segments.at(-1) === '') segments.pop()
  return { origin: url.origin, segments }
}

function fillHeaders(
  templates: Record<string, string>,
  env: Record<string, string | undefined>,
): Pick<Upstream, 'headers' | 'secrets'> {
  const secrets: string[] = []
  const headers: Record<string, string> = {}
  for (const [name, template] of Object.entries(templates)) {
    const value = template.replace(/\$\{(\w+)\}/g, (_, key: string) => {
      const secret = env[key]
      if (!secret) throw new Error(`the environment variable of \${${key}} is not set`)
      secrets.push(secret)
      return secret
    })
    headers[name.toLowerCase()] = value
    if (!isHeader(name, value)) throw new Error(`the name or the value of the header "${name}" is not valid`)
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
    throw new Error('the list is not valid JSON')
  }
}
