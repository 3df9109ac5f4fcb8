/**
 * The rules between options. A message names an option as `{option}`; faults.ts replaces it with the name that the user
 * knows, such as PORT.
 */
import { isHost, isLoopback } from './formats.ts'

/** Options as they are while some of them may not be valid. */
type Given = Partial<
  Record<
    | 'port'
    | 'adminPort'
    | 'host'
    | 'workers'
    | 'maxStreams'
    | 'redisUrl'
    | 'redisCluster'
    | 'redisSentinels'
    | 'redisSentinelName'
    | 'auth'
    | 'authSecret'
    | 'authJwksUrl'
    | 'authIssuer'
    | 'authAudience',
    unknown
  >
>

export function brokenRules(given: Given): string[] {
  const isSet = (option: keyof Given) => given[option] !== undefined
  const redis = (['redisUrl', 'redisCluster', 'redisSentinels'] as const).filter(isSet)
  const hasKeys = isSet('authSecret') || isSet('authJwksUrl')
  const hasClaims = isSet('authIssuer') || isSet('authAudience')
  const host = String(given.host)
  const workers = Number(given.workers)
  const isReachable = isHost(host) && !isLoopback(host)

  const rules: [isBroken: boolean, message: string][] = [
    [redis.length > 1, 'Set only one of {redisUrl}, {redisCluster} and {redisSentinels}'],
    [
      workers > 1 && redis.length === 0,
      `${workers} workers need a Redis that they share: set {redisUrl}, {redisCluster} or {redisSentinels}, or set {workers} to 1`,
    ],
    [
      Number(given.maxStreams) < workers,
      `{maxStreams} is ${given.maxStreams}, but each of the ${workers} workers needs at least one stream`,
    ],
    [
      isSet('redisSentinels') !== isSet('redisSentinelName'),
      'Set both {redisSentinels} and {redisSentinelName}, or neither',
    ],
    [isSet('authSecret') && isSet('authJwksUrl'), 'Set only one of {authSecret} and {authJwksUrl}'],
    [
      given.auth === 'off' && (hasKeys || hasClaims),
      '{auth}=off cannot be combined with {authSecret}, {authJwksUrl}, {authIssuer} or {authAudience}',
    ],
    [hasClaims && !hasKeys, '{authIssuer} and {authAudience} need {authSecret} or {authJwksUrl}'],
    [
      isReachable && !isSet('auth') && !hasKeys,
      `{host} is "${host}", which other machines can reach, but authentication is not configured: set {authSecret} or {authJwksUrl}, or {auth}=off to let everyone read and write`,
    ],
    [Boolean(given.adminPort) && given.adminPort === given.port, '{adminPort} must differ from {port}'],
  ]
  return rules.filter(([isBroken]) => isBroken).map(([, message]) => message)
}
