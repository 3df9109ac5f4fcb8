/**
 * The server's configuration: the options, with those of Redis and of authentication each as one value.
 */
import type { RedisPlace } from '../broker/redis/connections.ts'
import { type Environment, optionsFrom, variableName } from './environment.ts'
import { describeFaults } from './faults.ts'
import { type Options, optionsSchema } from './options.ts'

type RedisOption = 'redisUrl' | 'redisCluster' | 'redisSentinels' | 'redisSentinelName'
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

/** Throws a `ConfigError`. */
export function readConfig(env: Environment): Config {
  const schema = optionsSchema(env)
  const given = optionsFrom(env, Object.keys(schema.shape))
  const { data, error } = schema.safeParse(given)
  if (error) throw new ConfigError(describeFaults(error, given, variableName))
  return { ...data, graceMs: data.leaveGraceMs, redis: redisOf(data), auth: authOf(data) }
}

function redisOf({ redisUrl, redisCluster, redisSentinels, redisSentinelName }: Options): RedisPlace | undefined {
  if (redisUrl !== undefined) return { kind: 'single', url: redisUrl }
  if (redisCluster !== undefined) return { kind: 'cluster', nodes: redisCluster }
  if (redisSentinels === undefined || redisSentinelName === undefined) return undefined
  return { kind: 'sentinel', sentinels: redisSentinels, name: redisSentinelName }
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
