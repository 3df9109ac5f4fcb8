/**
 * Every option of the server: its name, range and default. The schema does not know where the values come from, so
 * environment variables, flags and a library's caller can share it.
 */
import { z } from 'zod'
import { isHost, isHostAndPort, isHs256Key, isKeyPrefix, isKeySetUrl, isOrigin, isRedisUrl } from './formats.ts'
import { brokenRules } from './rules.ts'
import { flag, integer, list, text, trustProxy, upstreams, workerCount } from './schemas.ts'

export type Options = z.output<ReturnType<typeof optionsSchema>>

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const mib = 1024 * 1024
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
const logFormats = ['json', 'pretty'] as const
const hostsRule = 'a list of host:port, separated by commas'
const originsRule =
  'a list of origins such as https://example.org or https://*.example.org, without a path, separated by commas'
const keysRule = 'a URL that begins with https:// (or with http:// if its host is a loopback address)'

/** Checks the rules between options even if an option is not valid, so that all faults are reported together. */
const always = { when: () => true }

/** `env`: the variables that the headers of an upstream may refer to. */
export function optionsSchema(env: Record<string, string | undefined>) {
  return z
    .object({
      port: integer(0, 65_535).default(3_000),
      host: text('an IP address or a host name', isHost).default('127.0.0.1'),
      workers: workerCount().default(1),
      redisUrl: text(
        'a URL that begins with redis:// or rediss://, with no path or a database number as its path',
        isRedisUrl,
      ).optional(),
      redisCluster: list(hostsRule, isHostAndPort, 1).optional(),
      redisSentinels: list(hostsRule, isHostAndPort, 1).optional(),
      redisSentinelName: text('the name of the primary').optional(),
      redisUsername: text('text').optional(),
      redisPassword: text('text').optional(),
      redisTls: flag().optional(),
      sentinelUsername: text('text').optional(),
      sentinelPassword: text('text').optional(),
      sentinelTls: flag().optional(),
      redisPrefix: text('1 to 64 characters of A–Z a–z 0–9 . _ : -', isKeyPrefix).default('colocate'),
      historyLength: integer(10, 100_000).default(1_000),
      historyTtlMs: integer(1_000, 30 * dayMs).default(hourMs),
      heartbeatMs: integer(100, dayMs).default(15_000),
      leaseMs: integer(100, dayMs).default(30_000),
      leaveGraceMs: integer(100, dayMs).default(5_000),
      stallMs: integer(100, dayMs).default(60_000),
      streamAgeMs: integer(100, 7 * dayMs).default(hourMs),
      drainMs: integer(100, dayMs).default(5_000),
      /** Above the idle time of load balancers, so that the server never closes a connection that one is about to use. */
      keepAliveMs: integer(100, dayMs).default(75_000),
      maxStreams: integer(1, 1_000_000).default(20_000),
      roomSize: integer(1, 100_000).default(5_000),
      postRate: integer(1, 1_000_000).default(100),
      relayUpstreams: upstreams(env).default([]),
      relayRate: integer(1, 1_000_000).default(10),
      relayGraceMs: integer(100, dayMs).default(30_000),
      relayMaxBytes: integer(1_024, 256 * mib).default(4 * mib),
      relayIdleMs: integer(100, dayMs).default(120_000),
      auth: z.literal('off', '"off" or not set').optional(),
      authSecret: text('at least 32 bytes long', isHs256Key).optional(),
      authJwksUrl: text(keysRule, isKeySetUrl).optional(),
      authIssuer: text('text').optional(),
      authAudience: text('text').optional(),
      corsOrigins: list(originsRule, isOrigin).default([]),
      trustProxy: trustProxy().default(false),
      /** The port of the metrics. Without one they are on `port`. */
      adminPort: integer(0, 65_535).optional(),
      logLevel: z.enum(logLevels, `one of ${logLevels.join(', ')}`).default('info'),
      /** `pretty` on a terminal by default, otherwise `json`. */
      logFormat: z.enum(logFormats, `one of ${logFormats.join(', ')}`).optional(),
    })
    .superRefine((options, context) => brokenRules(options).forEach(message => void context.addIssue(message)), always)
}
