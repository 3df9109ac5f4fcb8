/**
 * Describes options that are not valid: one line each, with the option's rule and the value that was given.
 */
import type { z } from 'zod'
import { splitList } from './formats.ts'

/** Values that are never printed: secrets, and URLs or lists that may contain one. */
const secretOptions = ['redisUrl', 'redisPassword', 'sentinelPassword', 'authSecret', 'authJwksUrl', 'relayUpstreams']
const hostLists = ['redisCluster', 'redisSentinels']

/** `nameOf` returns the name under which the user sets an option, such as LEASE_MS or --lease-ms for `leaseMs`. */
export function describeFaults(
  { issues }: z.ZodError,
  given: Record<string, unknown>,
  nameOf: (option: string) => string,
): string {
  const lines = issues.map(({ path: [option], message }) => {
    if (option === undefined) return message.replace(/\{(\w+)\}/g, (_, name: string) => nameOf(name))
    const key = String(option)
    const value = isPrintable(key, String(given[key])) ? `, not ${JSON.stringify(given[key])}` : ''
    return `${nameOf(key)} must be ${message}${value}`
  })
  // A number that is too large breaks two rules with the same message.
  return [...new Set(lines)].join('\n')
}

function isPrintable(option: string, value: string): boolean {
  if (secretOptions.includes(option)) return false
  // A Redis URL or a password by mistake in a list of hosts.
  if (hostLists.includes(option)) return splitList(value).every(item => /^([\w.-]*|\[[\da-f:]*\])(:\d*)?$/i.test(item))
  // A URL with a password.
  return !value.includes('@')
}
