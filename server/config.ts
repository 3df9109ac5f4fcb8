/**
 * The environment as the server's settings. Every variable that is not valid is named, with its range and what was given.
 */
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { RedisPlace } from './broker/redis/connections.ts'
import { readUpstreams, type Upstream } from './relay/upstreams.ts'

export interface Config {
  port: number
  host: string
  /** Where the log is kept; undefined: in memory. */
  redis: RedisPlace | undefined
  redisPrefix: string
  historyLength: number
  historyTtlMs: number
  heartbeatMs: number
  leaseMs: number
  graceMs: number
  stallMs: number
  streamAgeMs: number
  drainMs: number
  maxStreams: number
  postRate: number
  relayUpstreams: Upstream[]
  relayRate: number
  relayGraceMs: number
  relayMaxBytes: number
  relayIdleMs: number
  auth: Auth
  corsOrigins: string[]
  trustProxy: string | number | boolean
  /** Where metrics are shown, and nothing else. */
  adminPort: number | undefined
  logLevel: string
}

/**
 * Who may. `open`: everyone on this machine, since it listens on loopback alone. `off`: everyone, as the operator wants it.
 */
export type Auth =
  | { kind: 'open' }
  | { kind: 'off' }
  | { kind: 'secret'; secret: string; expected: Expected }
  | { kind: 'jwks'; url: string; expected: Expected }

/** What a token must say besides. */
interface Expected {
  issuer?: string
  audience?: string
}

export class ConfigError extends Error {}

type Env = Record<string, string | undefined>

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** What is given for these is not repeated: it is a secret, or a URL that may hold one. */
const secretive = ['REDIS_URL', 'AUTH_SECRET', 'AUTH_JWKS_URL']
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/** Throws a `ConfigError` with a line for each variable that is not valid. */
export function readConfig(env: Env): Config {
  const faults: string[] = []

  const value = (name: string) => (env[name] === '' ? undefined : env[name])

  const int = (name: string, { default: fallback, min, max }: { default: number; min: number; max: number }) => {
    const given = value(name)
    if (given === undefined) return fallback
    const number = Number(given)
    if (/^\d+$/.test(given) && number >= min && number <= max) return number
    faults.push(`${name} must be a whole number from ${min} to ${max}, not "${given}"`)
    return fallback
  }

  const string = (name: string, isValid: (given: string) => boolean, rule: string) => {
    const given = value(name)
    if (given !== undefined && !isValid(given)) {
      faults.push(`${name} must be ${rule}${secretive.includes(name) ? '' : `, not "${given}"`}`)
    }
    return given
  }

  const upstreams = (name: string) => {
    const given = value(name)
    if (given === undefined) return []
    try {
      return readUpstreams(given.trimStart().startsWith('[') ? given : readFileSync(given, 'utf8'), env)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      faults.push(`${name} must be a list of upstreams as JSON, or its file’s path: ${code ?? message}`)
      return []
    }
  }

  const redisPlace = (): RedisPlace | undefined => {
    const url = string('REDIS_URL', isRedisUrl, 'a URL that begins with redis:// or rediss://')
    const nodes = list(string('REDIS_CLUSTER', areHosts, 'host:port, with commas between'))
    const sentinels = list(string('REDIS_SENTINELS', areHosts, 'host:port, with commas between'))
    const name = value('REDIS_SENTINEL_NAME')
    if ([url, nodes[0], sentinels[0]].filter(Boolean).length > 1) {
      faults.push('Only one of REDIS_URL, REDIS_CLUSTER and REDIS_SENTINELS may be set')
    }
    if (sentinels.length > 0 !== (name !== undefined))
      faults.push('REDIS_SENTINELS and REDIS_SENTINEL_NAME go together')
    if (url) return { kind: 'single', url }
    if (nodes.length > 0) return { kind: 'cluster', nodes }
    return name && sentinels.length > 0 ? { kind: 'sentinel', sentinels, name } : undefined
  }

  const auth = (): Auth => {
    const off = string('AUTH', given => given === 'off', '"off" or left out')
    const secret = string('AUTH_SECRET', isLong, 'at least 32 bytes')
    const url = string('AUTH_JWKS_URL', isKeyUrl, 'a URL that begins with https:// (on this machine http:// will do)')
    const [issuer, audience] = [value('AUTH_ISSUER'), value('AUTH_AUDIENCE')]
    if (secret !== undefined && url !== undefined) {
      faults.push('Only one of AUTH_SECRET and AUTH_JWKS_URL may be set')
    }
    if (off && (secret ?? url ?? issuer ?? audience) !== undefined) {
      faults.push('AUTH=off goes with no other AUTH variable')
    }
    if ((issuer ?? audience) !== undefined && (secret ?? url) === undefined) {
      faults.push('AUTH_ISSUER and AUTH_AUDIENCE need AUTH_SECRET or AUTH_JWKS_URL')
    }
    const expected = { ...(issuer !== undefined && { issuer }), ...(audience !== undefined && { audience }) }
    if (secret !== undefined) return { kind: 'secret', secret, expected }
    if (url !== undefined) return { kind: 'jwks', url, expected }
    return { kind: off ? 'off' : 'open' }
  }

  const config: Config = {
    port: int('PORT', { default: 3_000, min: 0, max: 65_535 }),
    host: string('HOST', isHost, 'an address or a host’s name') ?? '127.0.0.1',
    redis: redisPlace(),
    redisPrefix: string('REDIS_PREFIX', isPrefix, '1 to 64 of A–Z a–z 0–9 . _ : -') ?? 'colocate',
    historyLength: int('HISTORY_LENGTH', { default: 1_000, min: 10, max: 100_000 }),
    historyTtlMs: int('HISTORY_TTL_MS', { default: hourMs, min: 1_000, max: 30 * dayMs }),
    heartbeatMs: int('HEARTBEAT_MS', { default: 15_000, min: 100, max: dayMs }),
    leaseMs: int('LEASE_MS', { default: 30_000, min: 100, max: dayMs }),
    graceMs: int('LEAVE_GRACE_MS', { default: 5_000, min: 100, max: dayMs }),
    stallMs: int('STALL_MS', { default: 60_000, min: 100, max: dayMs }),
    streamAgeMs: int('STREAM_AGE_MS', { default: hourMs, min: 100, max: 7 * dayMs }),
    drainMs: int('DRAIN_MS', { default: 5_000, min: 100, max: dayMs }),
    maxStreams: int('MAX_STREAMS', { default: 20_000, min: 1, max: 1_000_000 }),
    postRate: int('POST_RATE', { default: 100, min: 1, max: 1_000_000 }),
    relayUpstreams: upstreams('RELAY_UPSTREAMS'),
    relayRate: int('RELAY_RATE', { default: 10, min: 1, max: 1_000_000 }),
    relayGraceMs: int('RELAY_GRACE_MS', { default: 30_000, min: 100, max: dayMs }),
    relayMaxBytes: int('RELAY_MAX_BYTES', { default: 4 * 1024 * 1024, min: 1_024, max: 256 * 1024 * 1024 }),
    relayIdleMs: int('RELAY_IDLE_MS', { default: 120_000, min: 100, max: dayMs }),
    auth: auth(),
    corsOrigins: list(string('CORS_ORIGINS', areOrigins, 'origins like https://example.org, with commas between')),
    trustProxy: trust(
      string('TRUST_PROXY', isTrust, 'true, false, a number of proxies, or addresses with commas between'),
    ),
    adminPort: value('ADMIN_PORT') ? int('ADMIN_PORT', { default: 0, min: 0, max: 65_535 }) : undefined,
    logLevel: string('LOG_LEVEL', level => logLevels.includes(level), `one of ${logLevels.join(', ')}`) ?? 'info',
  }

  if (config.auth.kind === 'open' && !isLoopback(config.host)) {
    faults.push(
      `HOST is "${config.host}", which others can reach, and nothing says who may: set AUTH_SECRET or AUTH_JWKS_URL, or AUTH=off if everyone may read and write`,
    )
  }
  if (config.adminPort && config.adminPort === config.port) faults.push('ADMIN_PORT must be another than PORT')
  if (faults.length > 0) throw new ConfigError(faults.join('\n'))
  return config
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function isHost(host: string): boolean {
  return isIP(host) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(host)
}

/** RFC 7518, section 3.2: no shorter than the hash. */
function isLong(secret: string): boolean {
  return Buffer.byteLength(secret) >= 32
}

/** Whoever could change the keys on their way could make tokens. */
function isKeyUrl(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname.replace(/^\[|\]$/g, '')))
}

function isRedisUrl(url: string): boolean {
  return URL.canParse(url) && ['redis:', 'rediss:'].includes(new URL(url).protocol)
}

function areHosts(hosts: string): boolean {
  const isHostAndPort = (host: string) => {
    const port = /^(?:[\w.-]+|\[[0-9a-f:]+\]):(\d{1,5})$/i.exec(host)?.[1]
    return port !== undefined && Number(port) <= 65_535
  }
  return list(hosts).length > 0 && list(hosts).every(isHostAndPort)
}

function isPrefix(prefix: string): boolean {
  return /^[\w.:-]{1,64}$/.test(prefix)
}

function areOrigins(origins: string): boolean {
  return list(origins).every(origin => URL.canParse(origin) && new URL(origin).origin === origin)
}

function list(given: string | undefined): string[] {
  return (given ?? '')
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
}

function isTrust(given: string): boolean {
  const isRange = (range: string) => {
    const [address = '', bits = '1'] = range.split('/', 2)
    const isLength = /^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (isIP(address) === 6 ? 128 : 32)
    return ['loopback', 'linklocal', 'uniquelocal'].includes(range) || (isIP(address) !== 0 && isLength)
  }
  return /^(true|false|\d{1,3})$/.test(given) || (list(given).length > 0 && list(given).every(isRange))
}

/** As Express takes it: a number of proxies, `true`, or addresses. */
function trust(given: string | undefined): string | number | boolean {
  if (given === undefined || given === 'false') return false
  if (given === 'true') return true
  return /^\d+$/.test(given) ? Number(given) : given
}
