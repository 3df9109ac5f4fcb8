/**
 * The options of the library: those of the server in camelCase, with Redis as one object.
 */
import type { Logger } from 'pino'
import type { Authorize } from '../http/access/permission.ts'
import type { UpstreamOption } from '../relay/upstreams.ts'
import { type Config, ConfigError, configOf } from './config.ts'
import type { Environment } from './environment.ts'
import { optionsSchema } from './options.ts'

export type { UpstreamOption } from '../relay/upstreams.ts'

interface RedisAccess {
  /** For the nodes, whatever kind of Redis they are. */
  username?: string
  password?: string
  tls?: boolean
  /** Begins every key and channel. `colocate` by default. */
  prefix?: string
}

/** Where the log is kept: a single Redis, a Redis Cluster, or the primary that Sentinels name. Hosts are `host:port`. */
export type RedisOptions = RedisAccess &
  (
    | { url: string }
    | { cluster: string | string[] }
    | {
        sentinels: string | string[]
        name: string
        sentinelUsername?: string
        sentinelPassword?: string
        sentinelTls?: boolean
      }
  )

export interface ColocateOptions {
  /** Without it the log is in this process's memory. */
  redis?: RedisOptions
  /** Replaces tokens: returns who sends a request and what they may do, or null for a 401. */
  authorize?: Authorize
  /** `'off'`: everyone may read and write. */
  auth?: 'off'
  /** At least 32 bytes: tokens are verified with HS256. */
  authSecret?: string
  /** Tokens are verified with the public keys at this URL. */
  authJwksUrl?: string
  authIssuer?: string
  authAudience?: string
  /** Events that a room's log keeps at least. 1,000 by default. */
  historyLength?: number
  /** After this, an idle room's log is dropped. An hour by default. */
  historyTtlMs?: number
  /** Silence after which a stream gets a heartbeat. 15 s by default. */
  heartbeatMs?: number
  /** How long a collaborator stays without a sign of life. 30 s by default. */
  leaseMs?: number
  /** How long a collaborator stays after the last stream closed. 5 s by default. */
  leaveGraceMs?: number
  /** A stream whose socket takes nothing for this long is closed. 60 s by default. */
  stallMs?: number
  /** A stream ends at 80 to 100 % of this age, and its client reconnects. An hour by default. */
  streamAgeMs?: number
  /** Over which time `close` ends the streams. 5 s by default. */
  drainMs?: number
  /** Streams of this instance. 20,000 by default. */
  maxStreams?: number
  /** Collaborators of a room. 5,000 by default. */
  roomSize?: number
  /** Locations per second for each collaborator. 100 by default. */
  postRate?: number
  /**
   * The URLs that may be relayed: a list, its JSON, or the path of a file that contains the JSON. `${KEY}` in a header's value
   * is read from the environment. None by default.
   */
  relayUpstreams?: string | UpstreamOption[]
  /** Runs per minute for each caller. 10 by default. */
  relayRate?: number
  relayGraceMs?: number
  relayMaxBytes?: number
  relayIdleMs?: number
  /** Origins other than the server's own whose pages may read and write. */
  corsOrigins?: string | string[]
  /** Express's `trust proxy`. */
  trustProxy?: boolean | number | string
  /** pino's interface. Nothing is logged by default. */
  logger?: Logger
  /** Whether the demonstration page is served, too. `false` by default. */
  page?: boolean
}

/** Options of the command line that mean nothing inside an application. */
const notForLibrary = ['port', 'host', 'adminPort', 'keepAliveMs', 'logLevel', 'logFormat', 'workers']
const ofSentinels = ['sentinelUsername', 'sentinelPassword', 'sentinelTls']
const ownOptions = ['redis', 'authorize', 'logger', 'page']

/** Throws a `ConfigError` that names each option that is not valid. */
export function libraryConfig(options: ColocateOptions, env: Environment): Config {
  const known = Object.keys(optionsSchema({}).shape).filter(
    name => !notForLibrary.includes(name) && !name.startsWith('redis') && !ofSentinels.includes(name),
  )
  const unknown = Object.keys(options).filter(name => !known.includes(name) && !ownOptions.includes(name))
  if (unknown.length > 0) throw new ConfigError(unknown.map(name => `"${name}" is not an option`).join('\n'))
  if (options.authorize && (options.auth ?? options.authSecret ?? options.authJwksUrl) !== undefined) {
    throw new ConfigError('Set only one of authorize, auth, authSecret and authJwksUrl')
  }
  const { redis = {}, authorize: _, logger: __, page: ___, ...plain } = options
  const ofRedis = Object.fromEntries(Object.entries(redis).map(([name, value]) => [redisOption(name), value]))
  const given = Object.entries({ ...plain, ...ofRedis }).filter(([, value]) => value !== undefined)
  return configOf(Object.fromEntries(given), libraryName, env)
}

/** `name` is redisSentinelName, `url` is redisUrl, `sentinelTls` is the same. */
function redisOption(name: string): string {
  if (ofSentinels.includes(name)) return name
  return name === 'name' ? 'redisSentinelName' : `redis${name.charAt(0).toUpperCase()}${name.slice(1)}`
}

/** The name under which the application sets an option: `redis.url` for redisUrl. */
function libraryName(option: string): string {
  if (option === 'redisSentinelName') return 'redis.name'
  if (ofSentinels.includes(option)) return `redis.${option}`
  return option.startsWith('redis') ? `redis.${option.charAt(5).toLowerCase()}${option.slice(6)}` : option
}
