/**
 * The server's configuration: the options, with those of Redis and of authentication each as one value.
 */
import type { RedisPlace } from '../broker/redis/connections.ts'
import { type Environment, optionsFrom, variableName } from './environment.ts'
import { describeFaults } from './faults.ts'
import { flagName } from './flags.ts'
import { type Options, optionsSchema } from './options.ts'

type RedisOption =
  | 'redisUrl'
  | 'redisCluster'
  | 'redisSentinels'
  | 'redisSentinelName'
  | 'redisUsername'
  | 'redisPassword'
  | 'redisTls'
  | 'sentinelUsername'
  | 'sentinelPassword'
  | 'sentinelTls'
type AuthOption = 'auth' | 'authSecret' | 'authJwksUrl' | 'authIssuer' | 'authAudience'

export interface Config extends Omit<Options, RedisOption | AuthOption | 'leaveGraceMs'> {
  /** Undefined: the log is kept in memory. */
  redis: RedisPlace | undefined
  auth: Auth
  graceMs: number
}

/**
 * How requests are authenticated. `open`: not at all, because the server listens on loopback only. `off`: not at all,
 * because the operator says so.
 */
export type Auth =
  | { kind: 'open' }
  | { kind: 'off' }
  | { kind: 'secret'; secret: string; expected: ExpectedClaims }
  | { kind: 'jwks'; url: string; expected: ExpectedClaims }

interface ExpectedClaims {
  issuer?: string
  audience?: string
}

/** The message has a line for each option that is not valid. */
export class ConfigError extends Error {
  readonly code = 'invalid-config'
}

/**
 * Reads environment variables. `flags`: options from the command line, which win over the variables; empty text unsets one.
 * Throws a `ConfigError`.
 */
export function readConfig(env: Environment, flags: Record<string, string> = {}): Config {
  const given = withoutEmpty({ ...optionsFrom(env, Object.keys(optionsSchema(env).shape)), ...flags })
  return configOf(given, option => (option in flags ? `--${flagName(option)}` : variableName(option)), env)
}

/**
 * Checks options. `nameOf` returns the name under which the user sets an option, and `env` has the variables that the
 * headers of an upstream may refer to. Throws a `ConfigError`.
 */
export function configOf(given: Record<string, unknown>, nameOf: (option: string) => string, env: Environment): Config {
  const { data, error } = optionsSchema(env).safeParse(given)
  if (error) throw new ConfigError(describeFaults(error, given, nameOf))
  return { ...data, graceMs: data.leaveGraceMs, redis: redisOf(data), auth: authOf(data) }
}

function withoutEmpty(given: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''))
}

function redisOf(options: Options): RedisPlace | undefined {
  const { redisUrl, redisCluster, redisSentinels, redisSentinelName } = options
  const access = { username: options.redisUsername, password: options.redisPassword, tls: options.redisTls }
  if (redisUrl !== undefined) return { kind: 'single', url: redisUrl, ...access }
  if (redisCluster !== undefined) return { kind: 'cluster', nodes: redisCluster, ...access }
  if (redisSentinels === undefined || redisSentinelName === undefined) return undefined
  const ofSentinels = {
    sentinelUsername: options.sentinelUsername,
    sentinelPassword: options.sentinelPassword,
    sentinelTls: options.sentinelTls,
  }
  return { kind: 'sentinel', sentinels: redisSentinels, name: redisSentinelName, ...access, ...ofSentinels }
}

function authOf({ auth, authSecret, authJwksUrl, authIssuer, authAudience }: Options): Auth {
  const expected = {
    ...(authIssuer !== undefined && { issuer: authIssuer }),
    ...(authAudience !== undefined && { audience: authAudience }),
  }
  if (authSecret !== undefined) return { kind: 'secret', secret: authSecret, expected }
  if (authJwksUrl !== undefined) return { kind: 'jwks', url: authJwksUrl, expected }
  return { kind: auth ?? 'open' }
}
